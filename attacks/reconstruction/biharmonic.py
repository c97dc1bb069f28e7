"""Inpainting by the biharmonic equation, as scikit-image has it."""

from __future__ import annotations

import numpy as np
from skimage.restoration import inpaint_biharmonic

from attacks.base import ATTACKS
from attacks.canvas import Canvas, Pixels
from attacks.completion import LONGEST, Completion, shrunk
from attacks.public import resized
from attacks.swapped import register_swapped


@ATTACKS.register("biharmonic")
class Biharmonic(Completion):
    """The smoothest surface through the visible pixels, solved at reduced size.

    At full size the linear system takes an hour or all memory.
    """

    name = "biharmonic"
    summary = f"visible windows inverted, hidden ones by biharmonic inpainting at {LONGEST} px"
    kind = "inpainting"

    def fill(self, canvas: Canvas) -> Pixels:
        small = shrunk(canvas)
        if small.known.all():
            return resized(small.pixels, canvas.known.shape)
        filled = inpaint_biharmonic(small.pixels / 255, ~small.known, channel_axis=-1)
        return np.clip(resized(filled * 255, canvas.known.shape), 0, 255)


register_swapped(Biharmonic)
