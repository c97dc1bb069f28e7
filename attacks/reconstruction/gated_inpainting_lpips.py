"""Learned inpainting by gated convolutions, trained for the best LPIPS."""

from __future__ import annotations

from attacks.base import ATTACKS
from attacks.inpainting import LONGEST
from attacks.reconstruction.gated_inpainting import GatedInpainting
from attacks.swapped import register_swapped


@ATTACKS.register("gated_inpainting_lpips")
class GatedInpaintingLpips(GatedInpainting):
    """`GatedInpainting` trained on LPIPS (alex) of what is hidden.

    It is the very LPIPS that scores it, so its score says what an attacker gains who knows the
    evaluator, and not that a person would find its pictures better.
    """

    name = "gated_inpainting_lpips"
    summary = f"visible windows inverted, hidden ones by a U-Net at {LONGEST} px, for LPIPS"
    weights = "gated_inpainting_lpips"
    sha256 = "0fdaa25de0231a5f2976cb22d41fd86010df4bc1d0b9942abab1144ec06f917b"


register_swapped(GatedInpaintingLpips)
