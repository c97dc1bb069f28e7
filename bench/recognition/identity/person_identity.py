"""Whether a person can be told by clothes, hair and pose, without the face's descriptor."""

from __future__ import annotations

import numpy as np
import torch

from bench.datasets.base import Sample
from bench.metrics.base import Image, MetricUnavailable
from bench.metrics.classifier import classifier_weights, look
from bench.metrics.whole_frame import pixels
from bench.recognition.base import RECOGNISERS
from bench.recognition.boxes import Boxes
from bench.recognition.detectors.persons import Persons
from bench.recognition.identity.gallery import Descriptors, GalleryRecogniser, gallery_metrics
from framework.split.detectors.persons import SIDE

FEATURES = 1280


@RECOGNISERS.register("person_identity")
class PersonIdentity(GalleryRecogniser):
    """The persons that `Persons` finds in the original photo, told apart by their looks.

    A person is described by the features of EfficientNet-Lite0 in the person's box. They were
    learned on ImageNet, not on persons; and the gallery holds the very photo that is attacked. So a
    person who is named is told from all others in these photos, with what stands around in the
    box. Whether someone would be known again on another day is not measured.
    """

    name = "person_identity"
    summary = "persons told apart by their looks, by EfficientNet-Lite0's features of their boxes"
    metrics = gallery_metrics("person")
    width = FEATURES

    def __init__(self, side: int = SIDE) -> None:
        super().__init__(side)
        self._persons = Persons(side)

    @classmethod
    def available(cls) -> str | None:
        try:
            classifier_weights()
        except MetricUnavailable as error:
            return str(error)
        return Persons.available()

    def _find(self, sample: Sample, frame_size: tuple[int, int]) -> Boxes:
        return self._persons.truth(sample, frame_size).boxes

    @torch.inference_mode()
    def _describe(self, canvas: Image, boxes: Boxes) -> Descriptors:
        found = [np.zeros((0, FEATURES))]
        for x0, y0, x1, y1 in np.rint(boxes).astype(int):
            crop = np.ascontiguousarray(canvas[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])
            features = look(pixels(crop), classifier_weights()).features.numpy()
            found.append(features[None] / max(float(np.linalg.norm(features)), 1e-6))
        return np.concatenate(found)
