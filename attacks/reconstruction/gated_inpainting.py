"""Learned inpainting by gated convolutions (Yu et al., Free-form image inpainting, ICCV 2019)."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from attacks.base import ATTACKS, Knowledge
from attacks.canvas import Canvas, Pixels
from attacks.completion import Completion
from attacks.inpainting import LONGEST, fill
from attacks.inpainting_networks import GatedNetwork
from attacks.shipped import PHOTOS, shipped
from attacks.swapped import register_swapped
from attacks.training import load_network

NET = "net."


@ATTACKS.register("gated_inpainting")
class GatedInpainting(Completion):
    """Adds to kriging's filling what a network learned of public photos: the best PSNR.

    The weights come with the package; ``python -m benchmarks.train_inpainting`` made them. The
    hidden part is filled for the least squared error, so it is smooth.
    """

    name = "gated_inpainting"
    summary = f"visible windows inverted, hidden ones by a U-Net at {LONGEST} px, for PSNR"
    kind = "inpainting"
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
