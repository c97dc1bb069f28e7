"""Recognisers that draw boxes: which of the original's objects are still found."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.datasets.base import Sample
from bench.metrics.base import Image, Score
from bench.recognition.base import Recogniser, Truth
from bench.recognition.boxes import Boxes, as_boxes, match
from bench.recognition.canvas import SIDE, canvas_scale, on_canvas


@dataclass(frozen=True, eq=False)
class Detections(Truth):
    """Objects in one frame.

    Attributes:
        boxes: float32 [n, 4], x0, y0, x1, y1 in pixels of the frame.
        labels: int64 [n], the class of each.
    """

    boxes: Boxes
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.boxes)


class Detector(Recogniser[Detections]):
    """Finds objects in the original and looks for the same ones, place and class, elsewhere.

    Its ``metrics`` are the share of the original's objects that are found again, and how many
    detections are none of them.

    Args:
        side: longest side of the canvas, pixels.
    """

    def __init__(self, side: int = SIDE) -> None:
        self.side = side

    def truth(self, sample: Sample, frame_size: tuple[int, int]) -> Detections:
        """The objects that are found in the original photo."""
        return self.detect(sample.image, frame_size)

    def detect(self, picture: Image, frame_size: tuple[int, int]) -> Detections:
        """The objects in a picture uint8 [h, w, 3] of any size, placed in the frame."""
        boxes, labels = self._detect(on_canvas(picture, frame_size, self.side))
        placed = as_boxes(boxes) / canvas_scale(frame_size, self.side)
        return Detections(frame_size, placed, np.asarray(labels, np.int64))

    def _score(self, picture: Image, truth: Detections) -> dict[str, Score]:
        found = self.detect(picture, truth.frame_size)
        same_class = truth.labels[:, None] == found.labels[None]
        hits = match(truth.boxes, found.boxes, same_class)
        recall, false_alarms = self.metrics
        return {
            recall: hits / len(truth) if len(truth) else None,
            false_alarms: float(len(found) - hits),
        }

    @abstractmethod
    def _detect(self, canvas: Image) -> tuple[Sequence[Sequence[float]], Sequence[int]]:
        """Boxes x0, y0, x1, y1 on the canvas, none of them empty, and the class of each."""
