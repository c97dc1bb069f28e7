"""Persons found by MediaPipe's selfie segmentation network."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import Image
from bench.recognition.base import RECOGNISERS
from bench.recognition.detectors.detection import Detector
from framework.split.detectors.persons import SIDE, WEIGHTS, person_shares

PERSON = 0.5
"""Share from which a pixel is a person's."""
SMALLEST = 0.02
"""Part of the picture that a person takes up at least."""
SURE = 0.9
"""Mean share over a person's pixels.

Chosen on public photos: of 28 without persons it leaves false alarms in 4 instead of 11, and it
costs none of 100 persons (``bsds500_public``, ``people_public``, ``clothes_public``).
"""


@RECOGNISERS.register("persons")
class Persons(Detector):
    """Persons large enough to be the subject of a photo; those who touch count as one.

    Args:
        side: longest side of the canvas, pixels.
    """

    name = "persons"
    summary = "persons found by MediaPipe's selfie segmentation network"
    metrics = ("persons_recall", "persons_false_alarms")

    def __init__(self, side: int = SIDE) -> None:
        super().__init__(side)

    @classmethod
    def available(cls) -> str | None:
        if WEIGHTS.is_file():
            return None
        return f"{WEIGHTS.name} is missing: reinstall pedbench, which carries it"

    def _detect(self, canvas: Image) -> tuple[Sequence[Sequence[float]], Sequence[int]]:
        height, width = canvas.shape[:2]
        x, y = width / SIDE, height / SIDE
        found = sure_boxes(person_shares(canvas))
        boxes = [(a * x, b * y, c * x, d * y) for a, b, c, d in found]
        return boxes, [0] * len(boxes)


def sure_boxes(share: NDArray[np.float32]) -> list[tuple[int, int, int, int]]:
    """Boxes x0, y0, x1, y1 of connected pixels that are large and sure enough for a person."""
    boxes = components(share >= PERSON)
    return [box for box, pixels in boxes if share[pixels].mean() >= SURE]


def components(
    mask: NDArray[np.bool_],
) -> list[tuple[tuple[int, int, int, int], NDArray[np.bool_]]]:
    """Box and pixels of each connected part, `SMALLEST` of the mask bool [h, w] or more."""
    count, labels, found, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    parts = []
    for label in range(1, count):
        x, y, width, height, area = found[label].tolist()
        if area >= SMALLEST * mask.size:
            parts.append(((x, y, x + width, y + height), labels == label))
    return parts
