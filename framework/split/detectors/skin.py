"""Skin by its colour."""

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.split.detectors.base import DETECTORS, Detector

LOWEST = (0, 133, 77)
HIGHEST = (255, 173, 127)
"""Y, Cr and Cb of skin, after Chai and Ngan (IEEE TCSVT 1999), figure 3."""
SMALLEST = 0.01
"""Speckles with a diameter below this share of the longer side are dropped."""


@DETECTORS.register("skin")
class Skin(Detector):
    """Pixels whose chrominance is that of human skin; wood and sand may be found too."""

    summary = "colour of human skin"

    def find(self, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
        chrominance = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)
        found = cv2.inRange(chrominance, np.array(LOWEST), np.array(HIGHEST))
        side = max(3, round(SMALLEST * max(frame.shape)))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        return np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, disc) > 0)
