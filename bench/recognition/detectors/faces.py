"""Faces found by dlib's frontal detector (King, "Max-Margin Object Detection", 2015)."""

from __future__ import annotations

from collections.abc import Sequence

from bench.metrics.base import Image
from bench.recognition.base import RECOGNISERS
from bench.recognition.detectors.detection import Detector
from bench.recognition.dlib_models import dlib_missing, frontal_detector


@RECOGNISERS.register("faces")
class Faces(Detector):
    """Frontal faces of 80 px and more on the canvas: 20 px in a frame of 256."""

    name = "faces"
    summary = "faces found by dlib's built-in frontal detector"
    metrics = ("face_recall", "face_false_alarms")

    @classmethod
    def available(cls) -> str | None:
        return dlib_missing()

    def _detect(self, canvas: Image) -> tuple[Sequence[Sequence[float]], Sequence[int]]:
        found = frontal_detector()(canvas)
        # dlib's right and bottom belong to the box
        boxes = [(box.left(), box.top(), box.right() + 1, box.bottom() + 1) for box in found]
        return boxes, [0] * len(boxes)
