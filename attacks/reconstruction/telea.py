"""Inpainting by fast marching (Telea, J. Graphics Tools 9, 2004), as OpenCV has it."""

from __future__ import annotations

import cv2

from attacks.base import ATTACKS
from attacks.canvas import Canvas, Pixels
from attacks.completion import LONGEST, Completion, inpaint_opencv
from attacks.swapped import register_swapped


@ATTACKS.register("telea")
class Telea(Completion):
    """Marches from the edge of the visible windows into the hidden ones."""

    name = "telea"
    summary = f"visible windows inverted, hidden ones by Telea's inpainting at {LONGEST} px"
    kind = "inpainting"

    def fill(self, canvas: Canvas) -> Pixels:
        return inpaint_opencv(canvas, cv2.INPAINT_TELEA)


register_swapped(Telea)
