"""An adapter trained against a simulated attacker."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from framework.split.defences.base import DEFENCES
from framework.split.defences.trained.adapter import AdapterDefence, PrivacyTerm


@DEFENCES.register("adversarial")
class Adversarial(AdapterDefence):
    """The attacker is a perceptron that regresses pixels from tokens and learns beside the adapter.

    After Xiao et al., "Adversarial learning of privacy-preserving and task-oriented
    representations" (AAAI 2020). It protects against attackers like the simulated one; another may
    do better.
    """

    label = "adversarial adapter"
    axis = "weight of the simulated attacker"
    summary = "an adapter on the edge, trained against a simulated attacker"

    def privacy(self, channels: int, values: int) -> PrivacyTerm:
        return SimulatedAttacker(channels, values)


class SimulatedAttacker(PrivacyTerm):
    """Share of the pixels' variance that a perceptron explains, 0 to 1."""

    steps = 4
    hidden = 256

    def __init__(self, channels: int, values: int) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, self.hidden),
            nn.GELU(),
            nn.Linear(self.hidden, values),
        )
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=3e-3)

    def learn(self, tokens: Tensor, pixels: Tensor) -> None:
        for _ in range(self.steps):
            self.optimiser.zero_grad()
            nn.functional.mse_loss(self.network(tokens), pixels).backward()
            self.optimiser.step()

    def forward(self, tokens: Tensor, pixels: Tensor) -> Tensor:
        error = (self.network(tokens) - pixels).square().mean()
        return (1 - error / pixels.var()).clamp(min=0)
