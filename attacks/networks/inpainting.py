"""Networks that fill holes: gated convolutions, and a completer of masked tokens."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attacks.features.inpainting_input import CHANNELS, KNOWN, LONGEST

CELL = 4
"""Side of what one place of the U-Net's finest level stands for, pixels."""
WIDTHS = (48, 72, 96, 128)
DILATIONS = (1, 2)
PATCH = 16
TOKEN_WIDTH = 128
LAYERS = 5
HEADS = 4


class GatedConv(nn.Module):
    """A convolution whose every output has a learned gate (Yu et al., ICCV 2019)."""

    def __init__(
        self, before: int, after: int, side: int = 3, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, 2 * after, side, stride, side // 2 * dilation, dilation)

    def forward(self, x: Tensor) -> Tensor:
        values, gates = self.conv(x).chunk(2, dim=1)
        return F.elu(values) * gates.sigmoid()


class GatedNetwork(nn.Module):
    """A U-Net of gated convolutions over cells of `CELL` px: [n, CHANNELS, h, w] → [n, 3, h, w].

    Starts as zero.
    """

    def __init__(self) -> None:
        super().__init__()
        self.enter = GatedConv(CHANNELS * CELL**2, WIDTHS[0], side=1)
        pairs = list(pairwise(WIDTHS))
        self.down = nn.ModuleList(GatedConv(a, b, stride=2) for a, b in pairs)
        self.middle = nn.ModuleList(
            GatedConv(WIDTHS[-1], WIDTHS[-1], dilation=each) for each in DILATIONS
        )
        self.up = nn.ModuleList(GatedConv(a + b, a) for a, b in reversed(pairs))
        self.leave = nn.Conv2d(WIDTHS[0], 3 * CELL**2, 3, padding=1)
        _zero(self.leave)

    def forward(self, x: Tensor) -> Tensor:
        levels = [self.enter(F.pixel_unshuffle(x, CELL))]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for middle in self.middle:
            x = x + middle(x)
        for up in self.up:
            level = levels.pop()
            x = up(torch.cat([F.interpolate(x, level.shape[2:]), level], dim=1))
        return F.pixel_shuffle(self.leave(x), CELL)


class MaskedTokenNetwork(nn.Module):
    """A transformer over patches; those without a known pixel bear a learned mark.

    In the spirit of He et al. (Masked autoencoders, CVPR 2022), without their asymmetry: pictures
    are small, and hidden patches come with the classic fillings. [n, CHANNELS, h, w] →
    [n, 3, h, w], at most `LONGEST` px a side; starts as zero.
    """

    def __init__(self) -> None:
        super().__init__()
        side = LONGEST // PATCH
        self.enter = nn.Linear(CHANNELS * PATCH**2, TOKEN_WIDTH)
        self.masked = nn.Parameter(0.02 * torch.randn(TOKEN_WIDTH))
        self.place = nn.Parameter(0.02 * torch.randn(side, side, TOKEN_WIDTH))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                TOKEN_WIDTH, HEADS, 2 * TOKEN_WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(LAYERS)
        )
        self.leave = nn.Linear(TOKEN_WIDTH, 3 * PATCH**2)
        _zero(self.leave)

    def forward(self, x: Tensor) -> Tensor:
        patches = F.pixel_unshuffle(x, PATCH)
        rows, columns = patches.shape[2:]
        unknown = F.max_pool2d(x[:, KNOWN : KNOWN + 1], PATCH).flatten(2).transpose(1, 2) == 0
        tokens = self.enter(patches.flatten(2).transpose(1, 2)) + unknown * self.masked
        tokens = tokens + self.place[:rows, :columns].flatten(0, 1)
        for layer in self.layers:
            tokens = layer(tokens)
        filled = self.leave(tokens).transpose(1, 2).unflatten(2, (rows, columns))
        return F.pixel_shuffle(filled, PATCH)


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
