"""Learned inpainting by gated convolutions (Yu et al., Free-form image inpainting, ICCV 2019)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn

from attacks.base import ATTACKS, Knowledge
from attacks.canvas import Canvas, Pixels
from attacks.completion import LONGEST, Completion
from attacks.inpainting import Holes, fill, train_inpainter
from attacks.inpainting_networks import GatedNetwork
from attacks.public import require_public
from attacks.tokens import split
from attacks.training import load_network, network_state

SHIPPED = Path(__file__).parent.parent / "weights"
STEPS = 400
NET = "net."


@ATTACKS.register("gated_inpainting")
class GatedInpainting(Completion):
    """Adds to push-pull's filling what a network learned of photos.

    Weights in ``attacks/weights`` are used where there are any; else the network is trained on
    the attacker's own photos. It is trained for the least squared error, so its fillings are
    smooth; there is no version yet for the best LPIPS.

    Args:
        seed: of initialisation, photos and masks.
        steps: of training at most, where there are no weights.
    """

    name = "gated_inpainting"
    summary = f"visible windows inverted, hidden ones by a learned U-Net at {LONGEST} px"
    kind = "inpainting"
    network: type[nn.Module] = GatedNetwork

    def __init__(self, seed: int = 0, steps: int = STEPS) -> None:
        super().__init__(seed)
        self.steps = steps

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        shipped = SHIPPED / f"{self.name}.safetensors"
        if shipped.is_file():
            stored = load_file(shipped)
            self.learned |= {name: stored[name].astype(np.float32) for name in stored}
            return
        self.learn(knowledge)

    def learn(self, knowledge: Knowledge) -> None:
        """Train the network on public photos.

        Raises:
            PedbenchError: there is none.
        """
        require_public(knowledge, self.name)
        training, held_out = split(knowledge.public, self.seed)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            network = self.network().to(knowledge.device)
            self.learned["curve"] = train_inpainter(
                network, training, held_out, self.steps, self.seed, knowledge.device
            )
        self.learned |= network_state(network, NET)

    def fill(self, canvas: Canvas) -> Pixels:
        holes = Holes.of(canvas)
        if not holes.contrast.any():
            return fill(_nothing, holes, canvas)
        return fill(load_network(self.network, self.learned, NET), holes, canvas)


def _nothing(inputs: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(inputs[:, :3])
