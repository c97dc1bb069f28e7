"""Whether a face can be told whose it is, by dlib's 128-number descriptor."""

from __future__ import annotations

import numpy as np

from bench.datasets.base import Sample
from bench.metrics.base import Image
from bench.recognition.base import RECOGNISERS
from bench.recognition.boxes import Boxes
from bench.recognition.canvas import SIDE
from bench.recognition.detectors.faces import Faces
from bench.recognition.dlib_models import dlib_missing, face_encoder, models_missing
from bench.recognition.identity.gallery import Descriptors, GalleryRecogniser, gallery_metrics


@RECOGNISERS.register("identity")
class Identity(GalleryRecogniser):
    """The faces that the detector finds in the original photo, told apart."""

    name = "identity"
    summary = "faces told apart by dlib's descriptor: rank 1, and accepts at a false accept rate"
    metrics = gallery_metrics("face")
    width = 128

    def __init__(self, side: int = SIDE) -> None:
        super().__init__(side)
        self._faces = Faces(side)

    @classmethod
    def available(cls) -> str | None:
        return dlib_missing() or models_missing()

    def _find(self, sample: Sample, frame_size: tuple[int, int]) -> Boxes:
        return self._faces.truth(sample, frame_size).boxes

    def _describe(self, canvas: Image, boxes: Boxes) -> Descriptors:
        return np.asarray(face_encoder().encode(canvas, boxes), np.float64)
