"""Inpainting without learning: the hidden windows follow from the visible ones alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.restoration import inpaint_biharmonic

from attacks.base import ATTACKS
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import LONGEST, Completion, inpaint_opencv, shrunk
from attacks.features.public_examples import resized


@ATTACKS.register("telea")
class Telea(Completion):
    """Marches from the edge of the visible windows into the hidden ones.

    Inpainting by fast marching (Telea, J. Graphics Tools 9, 2004), as OpenCV has it.
    """

    summary = f"visible windows inverted, hidden ones by Telea's inpainting at {LONGEST} px"
    kind = "inpainting"

    def fill(self, canvas: Canvas) -> Pixels:
        return inpaint_opencv(canvas, cv2.INPAINT_TELEA)


register_swapped(Telea)


@ATTACKS.register("navier_stokes")
class NavierStokes(Completion):
    """Continues the lines of equal brightness into the hidden windows.

    Inpainting by fluid dynamics (Bertalmio et al., CVPR 2001), as OpenCV has it.
    """

    summary = f"visible windows inverted, hidden ones by Navier-Stokes inpainting at {LONGEST} px"
    kind = "inpainting"

    def fill(self, canvas: Canvas) -> Pixels:
        return inpaint_opencv(canvas, cv2.INPAINT_NS)


register_swapped(NavierStokes)


@ATTACKS.register("biharmonic")
class Biharmonic(Completion):
    """The smoothest surface through the visible pixels, solved at reduced size.

    At full size the linear system takes an hour or all memory.

    Inpainting by the biharmonic equation, as scikit-image has it.
    """

    summary = f"visible windows inverted, hidden ones by biharmonic inpainting at {LONGEST} px"
    kind = "inpainting"

    def fill(self, canvas: Canvas) -> Pixels:
        small = shrunk(canvas)
        if small.known.all():
            return resized(small.pixels, canvas.known.shape)
        filled = inpaint_biharmonic(small.pixels / 255, ~small.known, channel_axis=-1)
        return np.clip(resized(filled * 255, canvas.known.shape), 0, 255)


register_swapped(Biharmonic)


@ATTACKS.register("push_pull")
class PushPull(Completion):
    """Halves the picture until no hole is left, then fills each level from the coarser one.

    Inpainting by a push-pull pyramid (Gortler et al., The Lumigraph, SIGGRAPH 1996).
    """

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
