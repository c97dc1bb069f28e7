"""Learned inpainting by completing masked tokens (He et al., Masked autoencoders, CVPR 2022)."""

from __future__ import annotations

from attacks.base import ATTACKS
from attacks.inpainting import LONGEST
from attacks.inpainting_networks import MaskedTokenNetwork
from attacks.reconstruction.gated_inpainting import GatedInpainting
from attacks.swapped import register_swapped


@ATTACKS.register("mae_inpainting")
class MaeInpainting(GatedInpainting):
    """`GatedInpainting` with a transformer over patches in place of convolutions."""

    name = "mae_inpainting"
    summary = (
        f"visible windows inverted, hidden ones by a token completer at {LONGEST} px, for PSNR"
    )
    network = MaskedTokenNetwork
    weights = "mae_inpainting"
    sha256 = "42a62fa0ca674557446bc537133497abdbc833d6cb988189742d917705c2b1fb"


register_swapped(MaeInpainting)
