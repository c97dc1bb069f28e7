"""Inversion without training: the patch embedding is linear."""

from __future__ import annotations

from attacks.base import ATTACKS
from attacks.canvas import Canvas, Pixels
from attacks.completion import Completion
from attacks.swapped import register_swapped


@ATTACKS.register("pseudo_inverse")
class PseudoInverse(Completion):
    """Inverts embedded patches; the hidden windows get the mean colour of the visible ones."""

    name = "pseudo_inverse"
    summary = "stage-0 tokens by the pseudo-inverse of the patch embedding, the rest mean colour"
    kind = "inversion"

    def fill(self, canvas: Canvas) -> Pixels:
        return canvas.colour(self.recall("colour"))


register_swapped(PseudoInverse)
