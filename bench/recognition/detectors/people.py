"""People found by OpenCV's detector (Dalal and Triggs, CVPR 2005)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2

from bench.metrics.base import Image
from bench.recognition.base import RECOGNISERS
from bench.recognition.detectors.detection import Detector

PEOPLE_SIDE = 512
"""Longest side of its canvas, pixels."""
STRIDE = (8, 8)
SCALE = 1.05


@RECOGNISERS.register("people")
class People(Detector):
    """Upright people of 128 px and more on the canvas.

    The canvas is smaller than the other recognisers': on photos of people, 4 in 5 of what the
    detector finds at 512 px is a person, at 1024 px 3 in 5.
    """

    name = "people"
    summary = "people found by OpenCV 4's histogram-of-gradients detector"
    metrics = ("people_recall", "people_false_alarms")

    def __init__(self, side: int = PEOPLE_SIDE) -> None:
        super().__init__(side)

    @classmethod
    def available(cls) -> str | None:
        if hasattr(cv2, "HOGDescriptor"):
            return None
        return (
            f"OpenCV {cv2.__version__} has no people detector, OpenCV 4 has: "
            "pip install 'pedbench[people]'"
        )

    def _detect(self, canvas: Image) -> tuple[Sequence[Sequence[float]], Sequence[int]]:
        grey = cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY)
        found, _ = _hog().detectMultiScale(grey, winStride=STRIDE, scale=SCALE)
        boxes = [(x, y, x + width, y + height) for x, y, width, height in found]
        return boxes, [0] * len(boxes)


@lru_cache(maxsize=1)
def _hog() -> Any:
    hog = cv2.HOGDescriptor()  # type: ignore[attr-defined, unused-ignore]
    hog.setSVMDetector(
        cv2.HOGDescriptor_getDefaultPeopleDetector()  # type: ignore[attr-defined, unused-ignore]
    )
    return hog
