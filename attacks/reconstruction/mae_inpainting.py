"""Learned inpainting by completing masked tokens (He et al., Masked autoencoders, CVPR 2022)."""

from __future__ import annotations

from attacks.base import ATTACKS
from attacks.completion import LONGEST
from attacks.inpainting_networks import MaskedTokenNetwork
from attacks.reconstruction.gated_inpainting import GatedInpainting


@ATTACKS.register("mae_inpainting")
class MaeInpainting(GatedInpainting):
    """`GatedInpainting` with a transformer over patches in place of convolutions."""

    name = "mae_inpainting"
    summary = f"visible windows inverted, hidden ones by a masked-token completer at {LONGEST} px"
    network = MaskedTokenNetwork
