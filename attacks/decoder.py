"""A convolutional decoder of token windows, and its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

TOKEN_WIDTH = 64
CARRIED = 8
PIXEL_WIDTH = 32
PIXEL_BLOCKS = 2
DROPOUT = 0.1
BATCH = 16
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 1e-2
CHUNK = 64


class WindowDecoder(nn.Module):
    """What the linear inverse of a window misses, from all its tokens together.

    Convolutions over tokens, then over pixels at half resolution, where the linear inverse comes
    in. Starts as zero.

    Args:
        channels: of a token.
        side: of a patch in pixels, even.
    """

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.upscale = side // 2
        self.drop = nn.Dropout2d(DROPOUT)
        self.enter = nn.Conv2d(channels, TOKEN_WIDTH, 1)
        self.mix = nn.Conv2d(TOKEN_WIDTH, TOKEN_WIDTH, 3, padding=1)
        self.carry = nn.Conv2d(TOKEN_WIDTH, CARRIED * self.upscale**2, 1)
        self.join = nn.Conv2d(CARRIED + 12, PIXEL_WIDTH, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Conv2d(PIXEL_WIDTH, PIXEL_WIDTH, 3, padding=1) for _ in range(PIXEL_BLOCKS)
        )
        self.leave = nn.Conv2d(PIXEL_WIDTH, 12, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor, linear: Tensor) -> Tensor:
        """Corrections, [n, 3, h·side, w·side], in units of the linear inverse's error.

        Args:
            tokens: standardised, [n, channels, h, w].
            linear: the linear inverse in 0..255, [n, 3, h·side, w·side].
        """
        x = self.enter(self.drop(tokens))
        x = x + self.mix(F.gelu(x))
        x = F.pixel_shuffle(self.carry(F.gelu(x)), self.upscale)
        x = self.join(torch.cat([x, F.pixel_unshuffle(linear / 255 - 0.5, 2)], dim=1))
        for block in self.blocks:
            x = x + block(F.relu(x))
        return F.pixel_shuffle(self.leave(F.relu(x)), 2)


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


def train(decoder: WindowDecoder, lessons: Lessons, steps: int, seed: int) -> None:
    """Minimise the squared error over pixels that show the photo, in place."""
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1
    )
    batches = torch.Generator().manual_seed(seed)
    decoder.train()
    for _ in range(steps):
        batch = lessons[torch.randint(len(lessons), (BATCH,), generator=batches)]
        missed = (decoder(batch.tokens, batch.linear) - batch.error) * batch.shows
        loss = missed.square().sum() / (3 * batch.shows.sum())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    decoder.eval()


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


def decoder_state(decoder: WindowDecoder, prefix: str) -> dict[str, NDArray[Any]]:
    """A decoder's weights as named arrays."""
    return {prefix + name: value.cpu().numpy() for name, value in decoder.state_dict().items()}


def load_decoder(
    channels: int, side: int, state: Mapping[str, NDArray[Any]], prefix: str
) -> WindowDecoder:
    """The decoder that `decoder_state` wrote down."""
    with torch.device("meta"):
        decoder = WindowDecoder(channels, side)
    own = {name: torch.as_tensor(state[prefix + name]) for name in decoder.state_dict()}
    decoder.load_state_dict(own, assign=True)
    return decoder.eval().requires_grad_(False)
