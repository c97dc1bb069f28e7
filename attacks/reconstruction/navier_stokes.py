"""Inpainting by fluid dynamics (Bertalmio et al., CVPR 2001), as OpenCV has it."""

from __future__ import annotations

import cv2

from attacks.base import ATTACKS
from attacks.canvas import Canvas, Pixels
from attacks.completion import LONGEST, Completion, inpaint_opencv
from attacks.swapped import register_swapped


@ATTACKS.register("navier_stokes")
class NavierStokes(Completion):
    """Continues the lines of equal brightness into the hidden windows."""

    name = "navier_stokes"
    summary = f"visible windows inverted, hidden ones by Navier-Stokes inpainting at {LONGEST} px"
    kind = "inpainting"

    def fill(self, canvas: Canvas) -> Pixels:
        return inpaint_opencv(canvas, cv2.INPAINT_NS)


register_swapped(NavierStokes)
