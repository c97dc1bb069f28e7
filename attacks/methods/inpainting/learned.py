"""Inpainting by networks whose weights ship with the package."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from attacks.base import ATTACKS, Knowledge
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import Completion
from attacks.features.inpainting_input import LONGEST, fill
from attacks.networks.inpainting import GatedNetwork, MaskedTokenNetwork
from attacks.networks.shipped import PHOTOS, shipped
from attacks.networks.training import load_network

NET = "net."


@ATTACKS.register("gated_inpainting")
class GatedInpainting(Completion):
    """Adds to kriging's filling what a network learned of public photos: the best PSNR.

    The weights come with the package; ``python -m studies.inpainting.train_inpainting`` made them.
    The
    hidden part is filled for the least squared error, so it is smooth.

    Learned inpainting by gated convolutions (Yu et al., Free-form image inpainting, ICCV 2019).
    """

    summary = f"visible windows inverted, hidden ones by a U-Net at {LONGEST} px, for PSNR"
    kind = "inpainting"
    setting_independent = True
    trained_on = PHOTOS
    network: ClassVar[type[nn.Module]] = GatedNetwork
    weights: ClassVar[str] = "gated_inpainting"
    sha256: ClassVar[str] = "02c3525cf333523266dd8a4895baf6597d07521ab00706f0ef39fa3d2ac5dbb0"

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        weights = shipped(self.weights, self.sha256)
        self.learned |= {NET + name: value for name, value in weights.items()}

    def fill(self, canvas: Canvas) -> Pixels:
        return fill(lambda inputs: load_network(self.network, self.learned, NET)(inputs), canvas)


register_swapped(GatedInpainting)


@ATTACKS.register("gated_inpainting_lpips")
class GatedInpaintingLpips(GatedInpainting):
    """`GatedInpainting` trained on LPIPS (alex) of what is hidden.

    It is the very LPIPS that scores it. Its score says what knowledge of the evaluator gains, not
    that a person would find its pictures better.

    Learned inpainting by gated convolutions, trained for the best LPIPS.
    """

    summary = f"visible windows inverted, hidden ones by a U-Net at {LONGEST} px, for LPIPS"
    weights = "gated_inpainting_lpips"
    sha256 = "0fdaa25de0231a5f2976cb22d41fd86010df4bc1d0b9942abab1144ec06f917b"


register_swapped(GatedInpaintingLpips)


@ATTACKS.register("mae_inpainting")
class MaeInpainting(GatedInpainting):
    """`GatedInpainting` with a transformer over patches in place of convolutions.

    Learned inpainting by completing masked tokens (He et al., Masked autoencoders, CVPR 2022).
    """

    summary = (
        f"visible windows inverted, hidden ones by a token completer at {LONGEST} px, for PSNR"
    )
    network = MaskedTokenNetwork
    weights = "mae_inpainting"
    sha256 = "42a62fa0ca674557446bc537133497abdbc833d6cb988189742d917705c2b1fb"


register_swapped(MaeInpainting)
