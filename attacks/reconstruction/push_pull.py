"""Inpainting by a push-pull pyramid (Gortler et al., The Lumigraph, SIGGRAPH 1996)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS
from attacks.canvas import Canvas, Pixels
from attacks.completion import Completion
from attacks.public import resized
from attacks.swapped import register_swapped


@ATTACKS.register("push_pull")
class PushPull(Completion):
    """Halves the picture until no hole is left, then fills each level from the coarser one."""

    name = "push_pull"
    summary = "visible windows inverted, hidden ones from a push-pull pyramid"
    kind = "inpainting"

    def fill(self, canvas: Canvas) -> Pixels:
        return pyramid(canvas.pixels, canvas.known.astype(np.float32)[..., None])


def pyramid(pixels: Pixels, weight: NDArray[np.float32]) -> Pixels:
    """Fill ``pixels`` [h, w, 3] where ``weight`` [h, w, 1], the known share of each, is below 1."""
    if weight.min() == 1:
        return pixels
    coarse = pyramid(*_halve(pixels, weight))
    return weight * pixels + (1 - weight) * resized(coarse, pixels.shape[:2])


def _halve(pixels: Pixels, weight: NDArray[np.float32]) -> tuple[Pixels, NDArray[np.float32]]:
    """Weighted means of 2×2 pixels, and their weight: the known pixels among four, at most 1."""
    odd = (0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)
    sums = _block_sums(np.pad(pixels * weight, odd))
    total = _block_sums(np.pad(weight, odd))
    return sums / total.clip(1e-6), total.clip(0, 1)


def _block_sums(values: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = values[0::2] + values[1::2]
    return rows[:, 0::2] + rows[:, 1::2]


register_swapped(PushPull)
