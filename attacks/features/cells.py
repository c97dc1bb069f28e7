"""Pictures in cells of a quarter of a patch: hidden parts are never guessed any finer."""

from __future__ import annotations

from functools import partial

from torch import Tensor
from torch.nn import functional as F

PER_PATCH = 4
"""Cells along one side of a patch, whose side in pixels is a multiple of it."""


def to_cells(pictures: Tensor, inside: Tensor, side: int) -> Tensor:
    """Means over cells of the pixels inside, 0 where there are none.

    Args:
        pictures: [n, channels, height, width].
        inside: 1 where there is some of the photo, else 0, [n, 1, height, width].
        side: of a patch, pixels.
    """
    mean = partial(F.avg_pool2d, kernel_size=side // PER_PATCH)
    return mean(pictures * inside) / mean(inside).clamp(min=1e-6)


def to_pixels(cells: Tensor, where: Tensor, side: int) -> Tensor:
    """Cells enlarged bilinearly, each pixel from the cells of ``where`` alone.

    Args:
        cells: [n, channels, rows, columns].
        where: 1 or 0, [n, 1, rows, columns].
        side: of a patch, pixels.
    """
    grown = partial(
        F.interpolate, scale_factor=side // PER_PATCH, mode="bilinear", align_corners=False
    )
    return grown(cells * where) / grown(where).clamp(min=1e-6)
