"""Decoders of token windows: what the linear inverse misses, learned on public photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from attacks.networks.training import train

TOKEN_WIDTH = 64
CARRIED = 8
PIXEL_WIDTH = 32
PIXEL_BLOCKS = 2
DROPOUT = 0.1
BATCH = 16
CHUNK = 64
TRANSFORMER_WIDTH = 96
TRANSFORMER_LAYERS = 3
HEADS = 4


class PixelHead(nn.Module):
    """From features of tokens and the linear inverse to corrections of the latter.

    Convolutions over pixels at half resolution. Starts as zero.

    Args:
        side: of a patch in pixels, even.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.upscale = side // 2
        self.join = nn.Conv2d(CARRIED + 12, PIXEL_WIDTH, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Conv2d(PIXEL_WIDTH, PIXEL_WIDTH, 3, padding=1) for _ in range(PIXEL_BLOCKS)
        )
        self.leave = nn.Conv2d(PIXEL_WIDTH, 12, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    @property
    def inputs(self) -> int:
        """Channels that `forward` wants for each token."""
        return CARRIED * self.upscale**2

    def forward(self, carried: Tensor, linear: Tensor) -> Tensor:
        """Corrections, [n, 3, h·side, w·side].

        Args:
            carried: [n, inputs, h, w].
            linear: the linear inverse in 0..255, [n, 3, h·side, w·side].
        """
        x = F.pixel_shuffle(carried, self.upscale)
        x = self.join(torch.cat([x, F.pixel_unshuffle(linear / 255 - 0.5, 2)], dim=1))
        for block in self.blocks:
            x = x + block(F.relu(x))
        return F.pixel_shuffle(self.leave(F.relu(x)), 2)


class ConvTrunk(nn.Module):
    """Features of a window's tokens by convolutions: [n, channels, h, w] → [n, outputs, h, w]."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.drop = nn.Dropout2d(DROPOUT)
        self.enter = nn.Conv2d(channels, TOKEN_WIDTH, 1)
        self.mix = nn.Conv2d(TOKEN_WIDTH, TOKEN_WIDTH, 3, padding=1)
        self.carry = nn.Conv2d(TOKEN_WIDTH, outputs, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.enter(self.drop(tokens))
        x = x + self.mix(F.gelu(x))
        return self.carry(F.gelu(x))


class TransformerTrunk(nn.Module):
    """Features of a window's tokens by self-attention: [n, channels, h, w] → [n, outputs, h, w].

    Args:
        size: side of a full window, tokens; windows may be smaller.
    """

    def __init__(self, channels: int, outputs: int, size: int) -> None:
        super().__init__()
        width = TRANSFORMER_WIDTH
        self.drop = nn.Dropout2d(DROPOUT)
        self.enter = nn.Conv2d(channels, width, 1)
        self.place = nn.Parameter(torch.zeros(1, width, size, size))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, HEADS, 2 * width, DROPOUT, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(TRANSFORMER_LAYERS)
        )
        self.carry = nn.Conv2d(width, outputs, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        rows, columns = tokens.shape[2:]
        x = self.enter(self.drop(tokens)) + self.place[..., :rows, :columns]
        x = x.flatten(2).transpose(1, 2)
        for layer in self.layers:
            x = layer(x)
        return self.carry(x.transpose(1, 2).unflatten(2, (rows, columns)))


class WindowDecoder(nn.Module):
    """What the linear inverse of a window misses, from all its tokens together.

    Args:
        trunk: features of tokens.
        head: corrections of pixels.
    """

    def __init__(self, trunk: nn.Module, head: PixelHead) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head

    @classmethod
    def convolutional(cls, channels: int, side: int, size: int) -> WindowDecoder:
        """In the spirit of Dosovitskiy and Brox.

        Args:
            channels: of a token.
            side: of a patch in pixels, even.
            size: side of a full window, tokens.
        """
        head = PixelHead(side)
        return cls(ConvTrunk(channels, head.inputs), head)

    @classmethod
    def transformer(cls, channels: int, side: int, size: int) -> WindowDecoder:
        """With self-attention among the tokens of a window; arguments as in `convolutional`."""
        head = PixelHead(side)
        return cls(TransformerTrunk(channels, head.inputs, size), head)

    def forward(self, tokens: Tensor, linear: Tensor) -> Tensor:
        """Corrections, [n, 3, h·side, w·side], in units of the linear inverse's error.

        Args:
            tokens: standardised, [n, channels, h, w].
            linear: the linear inverse in 0..255, [n, 3, h·side, w·side].
        """
        return self.head(self.trunk(tokens), linear)


@dataclass(frozen=True)
class Lessons:
    """Windows of public photos, smaller ones padded with zeros below and on the right.

    Attributes:
        tokens: standardised, float32 [n, channels, h, w].
        linear: their linear inverse, pixels in 0..255 and beyond, [n, 3, h·side, w·side].
        error: what it misses, in units of its mean error, same shape.
        shows: 1 where there is some of the photo, else 0, [n, 1, h·side, w·side].
    """

    tokens: Tensor
    linear: Tensor
    error: Tensor
    shows: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, indices: Tensor | slice) -> Lessons:
        return Lessons(*(getattr(self, field.name)[indices] for field in fields(self)))

    def to(self, device: str) -> Lessons:
        """The same on another device."""
        return Lessons(*(getattr(self, field.name).to(device) for field in fields(self)))


def train_decoder(
    decoder: WindowDecoder,
    lessons: Lessons,
    held_out: Lessons,
    steps: int,
    rate: float,
    seed: int,
) -> NDArray[np.float32]:
    """Minimise the squared error over pixels that show the photo, in place.

    Returns:
        The curve, as `attacks.networks.training.train` gives it.
    """

    def loss(batches: torch.Generator) -> Tensor:
        batch = lessons[torch.randint(len(lessons), (BATCH,), generator=batches)]
        missed = (decoder(batch.tokens, batch.linear) - batch.error) * batch.shows
        return missed.square().sum() / (3 * batch.shows.sum())

    def error() -> float:
        missed = (correct(decoder, held_out.tokens, held_out.linear) - held_out.error).square()
        return float((missed * held_out.shows).sum() / (3 * held_out.shows.sum()))

    return train(decoder, loss, error, steps, rate, seed)


def best_scale(decoder: WindowDecoder, lessons: Lessons) -> float:
    """The factor in 0..1 by which the corrections do best on ``lessons``."""
    along = power = 0.0
    for start in range(0, len(lessons), CHUNK):
        part = lessons[slice(start, start + CHUNK)]
        correction = correct(decoder, part.tokens, part.linear) * part.shows
        along += float((correction * part.error).sum())
        power += float(correction.square().sum())
    return float(np.clip(along / power, 0, 1)) if power > 0 else 0.0


@torch.inference_mode()
def correct(decoder: WindowDecoder, tokens: Tensor, linear: Tensor) -> Tensor:
    """The decoder's corrections, a few windows at a time."""
    parts = zip(tokens.split(CHUNK), linear.split(CHUNK), strict=True)
    return torch.cat([decoder(*part) for part in parts])


def stacked(maps: Sequence[NDArray[Any]], size: tuple[int, int]) -> Tensor:
    """Maps [height, width, channels] padded with zeros to ``size``: [n, channels, *size]."""
    stack = np.zeros((len(maps), *size, maps[0].shape[-1]), dtype=np.float32)
    for slot, values in zip(stack, maps, strict=True):
        slot[: values.shape[0], : values.shape[1]] = values
    return torch.from_numpy(stack).permute(0, 3, 1, 2).contiguous()
