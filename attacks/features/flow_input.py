"""What the generative prior is told of a picture, and the units in which it counts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attacks.features.canvas import Pixels
from attacks.networks.flow import MULTIPLE
from framework.models.build import PIXEL_MEAN

UNIT = 58.0
"""Grey levels that a value of 1 stands for: the standard deviation of photos."""
GUESS, KNOWN, INSIDE = slice(0, 3), slice(3, 4), slice(5, 6)
"""Channels of the context. The fifth says that something is told; row and column come last."""


def normal(image: Pixels) -> Tensor:
    """An image [h, w, 3] in 0..255, in `UNIT` about SAM's mean colour, padded: [1, 3, H, W]."""
    return _padded((image - np.array(PIXEL_MEAN, dtype=np.float32)) / UNIT)


def grey_levels(values: Tensor, size: tuple[int, int]) -> Pixels:
    """The image of ``size`` that `normal` wrote as ``values`` [1, 3, H, W], clipped to 0..255."""
    picture = values[0, :, : size[0], : size[1]].permute(1, 2, 0).numpy() * UNIT
    return np.ascontiguousarray((picture + np.array(PIXEL_MEAN)).clip(0, 255), dtype=np.float32)


def context(guess: Pixels, known: NDArray[np.bool_]) -> Tensor:
    """The channels that `FlowNetwork` is told, [1, CONTEXT, H, W], zero beyond the photo.

    Args:
        guess: 0..255, [h, w, 3].
        known: where it is exact, [h, w].
    """
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in known.shape)
    maps = (known, np.ones_like(known), np.ones_like(known))
    places = np.meshgrid(rows, columns, indexing="ij")
    channels = np.stack([*maps, *places], axis=2).astype(np.float32)
    return torch.cat([normal(guess), _padded(channels)], dim=1)


def untold(told: Tensor) -> Tensor:
    """The context of a picture of which nothing but its frame is known."""
    told = told.clone()
    told[:, : INSIDE.start] = 0
    return told


def _padded(image: Pixels) -> Tensor:
    """An image [h, w, channels], with zeros to multiples of `MULTIPLE`: [1, channels, H, W]."""
    height, width = (-side % MULTIPLE for side in image.shape[:2])
    whole = np.pad(image.astype(np.float32), ((0, height), (0, width), (0, 0)))
    return torch.from_numpy(whole).permute(2, 0, 1)[None].contiguous()
