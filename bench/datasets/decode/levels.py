"""Whether the values of a mask picture are labels, or one mask whose edges are soft."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

LOW, HIGH = 0.1, 0.9
MOST_BETWEEN = 0.25
"""A soft mask is black and white, at most `LOW` and at least `HIGH`, save for this share of its
pixels."""


def has_mixed_values(pixels: NDArray[Any]) -> bool:
    """Whether some values come from interpolation or compression, not from a hand that labels.

    Such a value fills no 3 × 3 pixels, and most of its pixels lie between a lower and a higher
    neighbour.

    Args:
        pixels: levels [H, W] or colours [H, W, C].
    """
    flat = pixels.reshape(*pixels.shape[:2], -1)
    labels = _numbered(flat)
    count = int(labels.max()) + 1
    if count <= 2:
        return False
    size = np.bincount(labels.ravel(), minlength=count)
    between = np.bincount(labels[_between(flat)], minlength=count)
    solid = np.bincount(labels[is_solid(labels)], minlength=count)
    return bool(((solid == 0) & (2 * between >= size)).any())


def is_soft_mask(levels: NDArray[Any]) -> bool:
    """Whether levels [H, W], 0 for black to 1 for white, are one mask with soft edges."""
    middle = (levels > LOW) & (levels < HIGH)
    return bool(middle.mean() <= MOST_BETWEEN and not (middle & is_solid(levels)).any())


def is_solid(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels [H, W] whose eight neighbours are of their own value."""
    values, window = labels.astype(np.float64), np.ones((3, 3), np.uint8)
    return np.asarray(cv2.erode(values, window) == cv2.dilate(values, window))


def _numbered(pixels: NDArray[Any]) -> NDArray[np.int64]:
    """Each different value [H, W, C] as a number from 0, [H, W]."""
    labels = np.zeros(pixels.shape[:2], np.int64)
    for channel in np.moveaxis(pixels, 2, 0):
        _, numbers = np.unique(channel, return_inverse=True)
        numbers = numbers.reshape(labels.shape)
        _, labels = np.unique(labels * (numbers.max() + 1) + numbers, return_inverse=True)
        labels = labels.reshape(numbers.shape)
    return labels


def _between(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels with a lower and a higher neighbour, opposite each other, in one channel."""
    values = np.pad(pixels.astype(np.float64), ((1, 1), (1, 1), (0, 0)), mode="edge")
    inside = values[1:-1, 1:-1]
    found = np.zeros(inside.shape, bool)
    for one, other in (
        (values[1:-1, :-2], values[1:-1, 2:]),
        (values[:-2, 1:-1], values[2:, 1:-1]),
    ):
        found |= (one < inside) & (inside < other) | (one > inside) & (inside > other)
    return np.asarray(found.any(axis=2))
