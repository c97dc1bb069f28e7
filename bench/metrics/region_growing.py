"""What a point is worth without any model: the pixels of like colour that hang together with it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bench.metrics.base import Mask

BLUR = 1.5
"""Standard deviation of the smoothing before colours are compared, pixels."""
SEED_RADIUS = 2
"""Half the side of the square around the point whose mean colour is the seed's, pixels."""
TOLERANCE = 14.0
"""Largest distance from the seed's colour, CIELAB; best on the BSDS500 training photos."""


def grow(lab: NDArray[np.float32], point: tuple[int, int], tolerance: float = TOLERANCE) -> Mask:
    """The connected pixels around ``point`` whose colour is near its own, holes filled.

    Args:
        lab: from `smooth_lab`.
        point: x, y.
        tolerance: largest distance in CIELAB.

    Returns:
        bool [H, W]; at least the point.
    """
    x, y = point
    rows = slice(max(0, y - SEED_RADIUS), y + SEED_RADIUS + 1)
    columns = slice(max(0, x - SEED_RADIUS), x + SEED_RADIUS + 1)
    seed = lab[rows, columns].mean(axis=(0, 1))
    near = np.linalg.norm(lab - seed, axis=2) <= tolerance
    near[y, x] = True
    labels = cv2.connectedComponents(near.astype(np.uint8), connectivity=4)[1]
    return np.asarray(ndimage.binary_fill_holes(labels == labels[y, x]), bool)


def smooth_lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIELAB of a photo, uint8 [H, W, 3], a little blurred: float32 [H, W, 3]."""
    blurred = cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), BLUR)
    return np.asarray(cv2.cvtColor(blurred, cv2.COLOR_RGB2LAB), np.float32)
