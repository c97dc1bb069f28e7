"""Stochastic depth (Huang et al., 2016): in training, a block's branch is left out now and then."""

from __future__ import annotations

from typing import Any

import torch
from segment_anything.modeling.image_encoder import Block
from torch import Tensor, nn

from framework.models.build import PedSam


def drop_branches(sam: PedSam, highest: float) -> None:
    """Leave out attention and MLP branches of random images while ``sam`` trains.

    Args:
        highest: chance in the last block, 0 to 1; it grows from 0 in proportion to the depth.
    """
    blocks = sam.image_encoder.blocks
    for i, block in enumerate(blocks):
        assert isinstance(block, Block)
        chance = highest * i / max(1, len(blocks) - 1)
        if chance:
            branch = _Branch(chance)
            block.register_forward_pre_hook(branch.count)
            block.attn.register_forward_hook(branch.drop)
            block.mlp.register_forward_hook(branch.drop)


class _Branch:
    def __init__(self, chance: float) -> None:
        self.chance = chance
        self.images = 1

    def count(self, block: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.images = len(inputs[0])

    def drop(self, branch: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        """``output`` [images or images × windows, …], that of some images 0, the rest larger."""
        if not branch.training:
            return output
        kept = (torch.rand(self.images, device=output.device) >= self.chance) / (1 - self.chance)
        kept = kept.repeat_interleave(len(output) // self.images).to(output.dtype)
        return output * kept.view(-1, *[1] * (output.ndim - 1))
