"""Where one scene of a video ends and the next begins."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

BINS = (8, 4, 4)
"""Of hue, saturation and value."""
SIDE = 64
"""Frames are compared at this size, pixels."""
LEAST_LIKENESS = 0.5
"""Correlation of colour histograms below which a new scene begins.

Frames of a slow pan stay above 0.9.
"""


class SceneChanges:
    """Names the scenes of a video: a new one where colours differ much from the frame before.

    With `sticky`, a camera that moves then keeps one assignment until the picture cuts. Histograms
    of neighbouring frames are compared (Boreczky and Rowe, Journal of Electronic Imaging 1996).

    Args:
        name: of the video, with which all names begin.
        least_likeness: correlation below which a scene ends, at most 1.
    """

    def __init__(self, name: str = "video", least_likeness: float = LEAST_LIKENESS) -> None:
        self.name = name
        self.least_likeness = least_likeness
        self.scenes = 0
        self._before: NDArray[np.float32] | None = None

    def name_of(self, frame: NDArray[np.uint8]) -> str:
        """The scene of the next frame, uint8 [height, width, 3], RGB: frames come in order."""
        before, self._before = self._before, _histogram(frame)
        if before is None or _likeness(before, self._before) < self.least_likeness:
            self.scenes += 1
        return f"{self.name}-{self.scenes}"


def _likeness(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    return float(cv2.compareHist(before, now, cv2.HISTCMP_CORREL))


def _histogram(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = cv2.resize(np.ascontiguousarray(frame), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    colours = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    found = cv2.calcHist([colours], [0, 1, 2], None, BINS, [0, 180, 0, 256, 0, 256])
    return np.asarray(found, np.float32).ravel()
