"""Pixels and patches: what one token stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.models.build import PIXEL_MEAN
from framework.split.windows import Window


def to_patches(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """[rows·side, columns·side, 3] → [rows, columns, side·side·3]."""
    rows, columns = image.shape[0] // side, image.shape[1] // side
    cells = image.reshape(rows, side, columns, side, 3).transpose(0, 2, 1, 3, 4)
    return cells.reshape(rows, columns, -1)


def from_patches(patches: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """[rows, columns, side·side·3] → [rows·side, columns·side, 3]: the inverse of `to_patches`."""
    rows, columns = patches.shape[:2]
    cells = patches.reshape(rows, columns, side, side, 3).transpose(0, 2, 1, 3, 4)
    return cells.reshape(rows * side, columns * side, 3)


def window_patches(content: NDArray[np.uint8], window: Window, side: int) -> NDArray[np.float32]:
    """The patches of a window, [height, width, side·side·3] in 0..255.

    Args:
        content: the window's pixels of the photo, uint8 [content height, content width, 3];
            around them lies what SAM pads with, its mean colour.
        window: one that bears content.
        side: of a patch, pixels.
    """
    full = np.empty((window.height * side, window.width * side, 3), dtype=np.float32)
    full[:] = PIXEL_MEAN
    full[: content.shape[0], : content.shape[1]] = content
    return to_patches(full, side)


def content_tokens(window: Window, side: int) -> NDArray[np.bool_]:
    """Which of a window's tokens show some of the photo: bool [height, width]."""
    rows = np.arange(window.height) * side < window.content_height
    columns = np.arange(window.width) * side < window.content_width
    return rows[:, None] & columns[None, :]
