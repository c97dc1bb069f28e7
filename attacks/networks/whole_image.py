"""The network from everything a coalition saw to the whole picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attacks.features.cells import PER_PATCH
from attacks.features.token_maps import Pictures
from attacks.networks.window_decoder import HEADS, PixelHead

ENTER = 32
WIDTH = 64
MIDDLE = 96
LAYERS = 2
GROUPS = 8
DROPOUT = 0.1


class Residual(nn.Module):
    """x + convolution(GELU(norm(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(F.gelu(self.norm(x)))


class WholeNetwork(nn.Module):
    """A small U-Net over tokens, with self-attention at a quarter of their resolution.

    Each round's tokens and the picture so far enter through their own projection, each with the
    mask of where it is known. About 0.7 M parameters for ``tiny``; starts as zero.

    Args:
        channels: of a token, one a stage.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.drop = nn.Dropout2d(DROPOUT)
        self.rounds = nn.ModuleList(nn.Conv2d(c, ENTER, 1, bias=False) for c in channels)
        self.picture = nn.Conv2d(5 * PER_PATCH**2, ENTER, 1)
        inputs = (ENTER + 1) * len(channels) + ENTER + 2
        self.join = nn.Sequential(nn.Conv2d(inputs, WIDTH, 3, padding=1), Residual(WIDTH))
        self.down = nn.Sequential(
            nn.Conv2d(WIDTH, MIDDLE, 3, stride=2, padding=1), Residual(MIDDLE)
        )
        self.bottom = nn.Conv2d(MIDDLE, MIDDLE, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                MIDDLE, HEADS, 2 * MIDDLE, DROPOUT, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(LAYERS)
        )
        self.middle = Residual(MIDDLE)
        self.narrow = nn.Conv2d(MIDDLE, WIDTH, 1)
        self.top = Residual(WIDTH)
        self.head = PixelHead(PER_PATCH)
        self.carry = nn.Conv2d(WIDTH, self.head.inputs, 1)

    def forward(self, seen: Pictures) -> Tensor:
        """Corrections of ``seen.base``, of its shape, in units of `Pictures.unit`."""
        fine = self.join(torch.cat(self._inputs(seen), dim=1))
        half = self.down(fine)
        low = self.bottom(half)
        x = low.flatten(2).transpose(1, 2)
        for layer in self.layers:
            x = layer(x)
        x = x.transpose(1, 2).unflatten(2, low.shape[2:])
        x = self.middle(half + F.interpolate(x, half.shape[2:]))
        x = self.top(fine + F.interpolate(self.narrow(x), fine.shape[2:]))
        return self.head(self.carry(F.gelu(x)), seen.base)

    def _inputs(self, seen: Pictures) -> list[Tensor]:
        n, _, rows, columns = seen.held.shape
        tokens = [
            enter(self.drop(part)) for enter, part in zip(self.rounds, seen.tokens, strict=True)
        ]
        picture = torch.cat([seen.base / 255 - 0.5, seen.known, seen.inside], dim=1)
        down = torch.linspace(-1, 1, rows, device=seen.held.device)
        right = torch.linspace(-1, 1, columns, device=seen.held.device)
        place = torch.stack(torch.meshgrid(down, right, indexing="ij")).expand(n, -1, -1, -1)
        picture = self.picture(F.pixel_unshuffle(picture, PER_PATCH))
        return [*tokens, seen.held, picture, place]
