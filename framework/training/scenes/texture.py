"""What composed things are filled with: pieces of photos, and light from one side."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.training.scenes.types import Photo


def texture(photos: Sequence[Photo], side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A crop of any photo, enlarged or shrunk, with its colours moved: float32 [side, side, 3]."""
    image = photos[int(rng.integers(len(photos)))].image
    cut = int(min(*image.shape[:2], max(8, side * np.exp(rng.uniform(-1.5, 0.7)))))
    top, left = (int(rng.integers(length - cut + 1)) for length in image.shape[:2])
    crop = cv2.resize(image[top : top + cut, left : left + cut], (side, side))
    pixels = np.asarray(crop, np.float32)
    mean = pixels.mean(axis=(0, 1))
    flatter = mean + (pixels - mean) * rng.uniform(0.2, 1.1)
    return np.asarray(flatter * rng.uniform(0.8, 1.2, 3) + rng.uniform(-30, 30), np.float32)


def shade(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A slope of brightness across the object: float32 [side, side, 1]."""
    rows, columns = np.mgrid[0:side, 0:side] / max(1, side - 1) - 0.5
    turn, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.6)
    slope = 1 + strength * (np.cos(turn) * columns + np.sin(turn) * rows)
    return slope[..., None].astype(np.float32)
