"""The ViT's attention windows, laid over a frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray

from framework.models.architectures import Architecture


@dataclass(frozen=True)
class Window:
    """One cell of the window-attention grid.

    Attributes:
        index: position in row-major order.
        row, col: position in the grid of windows.
        top, left: first token, in tokens of the whole input.
        height, width: valid extent in tokens; less than the window size at the right and bottom.
        content_height, content_width: extent in pixels of the part that shows the photo; both are
            0 where the window lies in SAM's padding.
    """

    index: int
    row: int
    col: int
    top: int
    left: int
    height: int
    width: int
    content_height: int
    content_width: int

    @property
    def has_content(self) -> bool:
        """Whether the window shows any of the photo."""
        return self.content_height > 0

    @property
    def token_slice(self) -> tuple[slice, slice]:
        """Rows and columns of this window in a [rows, columns, …] token map."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True)
class WindowGrid:
    """All windows of a model input that holds a frame.

    Attributes:
        img_size: side of the square input, pixels.
        patch_size: side of a token, pixels.
        window_size: side of a window, tokens.
        frame_size: height and width of the resized, unpadded photo, pixels.
    """

    img_size: int
    patch_size: int
    window_size: int
    frame_size: tuple[int, int]

    @classmethod
    def of(cls, arch: Architecture, frame_size: tuple[int, int]) -> WindowGrid:
        """The grid that ``arch`` lays over a frame of ``frame_size`` (height, width)."""
        return cls(arch.img_size, arch.patch_size, arch.window_size, frame_size)

    @property
    def tokens_per_side(self) -> int:
        """Tokens along one side of the input."""
        return self.img_size // self.patch_size

    @property
    def windows_per_side(self) -> int:
        """Windows along one side of the input."""
        return ceil(self.tokens_per_side / self.window_size)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """All windows in row-major order."""
        side = self.windows_per_side
        return tuple(self._window(row, col) for row in range(side) for col in range(side))

    @cached_property
    def content(self) -> tuple[int, ...]:
        """Indices of the windows that show some of the photo."""
        return tuple(window.index for window in self.windows if window.has_content)

    def _window(self, row: int, col: int) -> Window:
        top, left = row * self.window_size, col * self.window_size
        height = min(self.window_size, self.tokens_per_side - top)
        width = min(self.window_size, self.tokens_per_side - left)
        y0, x0, y1, x1 = self._clip(top, left, height, width)
        shows = y1 > y0 and x1 > x0
        return Window(
            index=row * self.windows_per_side + col,
            row=row,
            col=col,
            top=top,
            left=left,
            height=height,
            width=width,
            content_height=y1 - y0 if shows else 0,
            content_width=x1 - x0 if shows else 0,
        )

    def _clip(self, top: int, left: int, height: int, width: int) -> tuple[int, int, int, int]:
        h, w = self.frame_size
        patch = self.patch_size
        return (
            min(top * patch, h),
            min(left * patch, w),
            min((top + height) * patch, h),
            min((left + width) * patch, w),
        )

    def pixel_box(self, window: Window) -> tuple[int, int, int, int]:
        """The window's content in frame pixels: y0, x0, y1, x1, ends excluded; may be empty."""
        y0, x0, _, _ = self._clip(window.top, window.left, window.height, window.width)
        return y0, x0, y0 + window.content_height, x0 + window.content_width

    def pixel_slice(self, window: Window) -> tuple[slice, slice]:
        """Rows and columns of the window's content in a frame."""
        y0, x0, y1, x1 = self.pixel_box(window)
        return slice(y0, y1), slice(x0, x1)

    def pixel_mask(self, indices: Iterable[int]) -> NDArray[np.bool_]:
        """Which frame pixels the windows cover: bool [h, w]."""
        mask = np.zeros(self.frame_size, dtype=bool)
        for index in indices:
            mask[self.pixel_slice(self.windows[index])] = True
        return mask
