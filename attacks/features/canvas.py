"""A picture of which parts are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.split.windows import WindowGrid

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class Canvas:
    """What an attacker has of a frame.

    Attributes:
        pixels: float32 [h, w, 3] in 0..255; 0 where nothing is known.
        known: bool [h, w].
    """

    pixels: Pixels
    known: NDArray[np.bool_]

    def __post_init__(self) -> None:
        assert self.pixels.shape == (*self.known.shape, 3)
        assert self.pixels.dtype == np.float32
        assert self.known.dtype == np.bool_
        assert self.pixels.min() >= 0
        assert self.pixels.max() <= 255

    @classmethod
    def paint(cls, grid: WindowGrid, windows: Mapping[int, NDArray[np.generic]]) -> Canvas:
        """Put estimates of windows in their places.

        Args:
            grid: of the frame.
            windows: index → pixels [height, width, 3] in 0..255, or beyond by estimation error;
                what lies outside the photo is cut off.
        """
        pixels = np.zeros((*grid.frame_size, 3), dtype=np.float32)
        for index, estimate in windows.items():
            window = grid.windows[index]
            content = estimate[: window.content_height, : window.content_width]
            pixels[grid.pixel_slice(window)] = np.clip(content, 0, 255)
        return cls(pixels, grid.pixel_mask(windows))

    def colour(self, fallback: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean of the known pixels, [3]; ``fallback`` when nothing is known."""
        if not self.known.any():
            return fallback
        return self.pixels[self.known].mean(axis=0, dtype=np.float64).astype(np.float32)

    def completed(self, filling: Pixels) -> NDArray[np.uint8]:
        """The known pixels, and elsewhere ``filling``, [h, w, 3] or one colour [3], in 0..255."""
        return as_uint8(np.where(self.known[..., None], self.pixels, filling))


def as_uint8(values: Pixels) -> NDArray[np.uint8]:
    """Round an image in 0..255, clipped where an estimate went beyond."""
    assert np.isfinite(values).all()
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
