"""A flow from noise to photos: the U-Net that says where a noisy picture is to move."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CELL = 4
"""Side of what one place of the finest level stands for, pixels."""
WIDTHS = (64, 96, 160, 192)
HEADS = 4
CONTEXT = 8
"""Channels of what the network is told beside the noisy picture; see `FlowNetwork`."""
MULTIPLE = CELL * 2 ** (len(WIDTHS) - 1)
"""The sides of pictures must be multiples of this, pixels."""
TIME_WIDTH = 128
FREQUENCIES = 16
GROUPS = 8


class FlowNetwork(nn.Module):
    """Velocity of a rectified flow (Liu et al.; Lipman et al., both ICLR 2023).

    A noisy picture at time t is (1 − t)·picture + t·noise; its velocity is noise − picture. The
    network is told a guess of the picture (3 channels), where the guess is exact, where there is
    one, where the photo is, and the row and column in −1..1: ``CONTEXT`` channels. Its picture is
    what the guess misses. Starts as zero.
    """

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Sequential(
            nn.Linear(2 * FREQUENCIES, TIME_WIDTH), nn.SiLU(), nn.Linear(TIME_WIDTH, TIME_WIDTH)
        )
        self.enter = nn.Conv2d((3 + CONTEXT) * CELL**2, WIDTHS[0], 1)
        pairs = list(pairwise(WIDTHS))
        self.down = nn.ModuleList(_Block(each, each) for each in WIDTHS[:-1])
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairs)
        self.before, self.after = _Block(WIDTHS[-1], WIDTHS[-1]), _Block(WIDTHS[-1], WIDTHS[-1])
        self.attention = _Attention(WIDTHS[-1])
        self.grow = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in reversed(pairs))
        self.up = nn.ModuleList(_Block(2 * each, each) for each in reversed(WIDTHS[:-1]))
        self.norm = nn.GroupNorm(GROUPS, WIDTHS[0])
        self.leave = nn.Conv2d(WIDTHS[0], 3 * CELL**2, 3, padding=1)
        _zero(self.leave)

    def forward(self, noisy: Tensor, time: Tensor, context: Tensor) -> Tensor:
        """Velocity [n, 3, h, w] of pictures [n, 3, h, w] at times [n] in 0..1."""
        told = self.time(_waves(time))
        x = self.enter(F.pixel_unshuffle(torch.cat([noisy, context], dim=1), CELL))
        levels = []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            x = block(x, told)
            levels.append(x)
            x = shrink(x)
        x = self.after(self.attention(self.before(x, told)), told)
        for grow, block in zip(self.grow, self.up, strict=True):
            x = F.interpolate(grow(x), scale_factor=2.0)
            x = block(torch.cat([x, levels.pop()], dim=1), told)
        return F.pixel_shuffle(self.leave(F.silu(self.norm(x))), CELL)


class _Block(nn.Module):
    """Two convolutions beside a short cut; time scales and shifts what lies between them."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, before), nn.GroupNorm(GROUPS, after)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.told = nn.Linear(TIME_WIDTH, 2 * after)
        self.past = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        _zero(self.conv2)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.told(F.silu(told))[..., None, None].chunk(2, dim=1)
        inner = self.norm2(self.conv1(F.silu(self.norm1(x)))) * (1 + scale) + shift
        return self.past(x) + self.conv2(F.silu(inner))


class _Attention(nn.Module):
    """Self-attention among all places of the coarsest level, beside a short cut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.inwards = nn.Conv2d(width, 3 * width, 1)
        self.outwards = nn.Conv2d(width, width, 1)
        _zero(self.outwards)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.inwards(self.norm(x)).flatten(2).unflatten(1, (3 * HEADS, -1))
        query, key, value = parts.transpose(2, 3).chunk(3, dim=1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return x + self.outwards(mixed.transpose(2, 3).flatten(1, 2).unflatten(2, x.shape[2:]))


def _waves(time: Tensor) -> Tensor:
    """Times as cosines and sines of rising frequency, [n, 2 · FREQUENCIES]."""
    rates = torch.exp(torch.linspace(0, math.log(1000), FREQUENCIES, device=time.device))
    angles = time[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
