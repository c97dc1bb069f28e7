"""A mask that drops those channels of each token that tell most about its pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from framework.split.defences.base import DEFENCES
from framework.split.defences.trained.adapter import HIDDEN, AdapterDefence, PrivacyTerm
from framework.split.defences.trained.adversarial import SimulatedAttacker


@DEFENCES.register("channel_mask")
class ChannelMask(AdapterDefence):
    """Drops a share of each token's channels, chosen by a network that learns against an attacker.

    After Singh et al., DISCO (CVPR 2021), whose network sees the whole feature map; this one sees
    one token. Dropped channels take a learned value, the same for all tokens. Which channels were
    dropped is visible.

    Args:
        strength: share of the channels that are dropped, at most 1.
    """

    label = "learned channel mask"
    axis = "channels dropped (share)"
    summary = "a mask on each token's channels, trained against a simulated attacker"
    strongest = 1.0

    @property
    def weight(self) -> float:
        return 1.0

    def network(self, channels: int) -> nn.Module:
        return Mask(channels, round(self.strength * channels))

    def privacy(self, channels: int, values: int) -> PrivacyTerm:
        return SimulatedAttacker(channels, values)


class Mask(nn.Module):
    """Replaces the ``dropped`` channels of least score, [..., channels].

    Gradients pass the choice as if each channel were kept by the sigmoid of its score
    (straight-through, Bengio et al., arXiv:1308.3432).
    """

    def __init__(self, channels: int, dropped: int) -> None:
        super().__init__()
        self.dropped = dropped
        self.norm = nn.LayerNorm(channels)
        self.inner = nn.Linear(channels, HIDDEN)
        self.outer = nn.Linear(HIDDEN, channels)
        self.stand_in = nn.Parameter(torch.zeros(channels))

    def forward(self, tokens: Tensor) -> Tensor:
        scores = self.outer(nn.functional.gelu(self.inner(self.norm(tokens))))
        least = scores.topk(self.dropped, dim=-1, largest=False).indices
        chosen = torch.ones_like(scores).scatter(-1, least, 0.0)
        soft = scores.sigmoid()
        kept = chosen + soft - soft.detach()
        return kept * tokens + (1 - kept) * self.stand_in
