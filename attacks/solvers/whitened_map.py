"""An affine map of tokens that descent adjusts, in axes where tokens are alike in size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from attacks.solvers.alignment import Tokens
from attacks.solvers.ridge import LinearMap, Matrix

RANK = 16
"""Of the part of the map that mixes axes."""
BATCH = 256
"""Tokens of each model in a step."""
FLOOR = 1e-4
"""Least variance of an axis, relative to the mean variance."""


class WhitenedMap(nn.Module):
    """A scale for each axis, a shift and a matrix of rank `RANK`. It begins as the identity."""

    def __init__(self, channels: int, draw: torch.Generator) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.left = nn.Parameter(torch.randn(channels, RANK, generator=draw) / channels**0.5)
        self.right = nn.Parameter(torch.zeros(RANK, channels))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens [tokens, channels], moved."""
        return tokens * self.scale.exp() + self.shift + (tokens @ self.left) @ self.right

    @property
    def matrix(self) -> Tensor:
        """[channels, channels]"""
        return torch.diag(self.scale.exp()) + self.left @ self.right


@dataclass(frozen=True)
class Axes:
    """The principal axes of tokens, each scaled to variance 1.

    Attributes:
        mean: [channels].
        directions: of the axes, one a column: [channels, channels].
        spread: standard deviation along each: [channels].
    """

    mean: Matrix
    directions: Matrix
    spread: Matrix

    @classmethod
    def of(cls, rows: Matrix) -> Axes:
        """Those of tokens [tokens, channels]."""
        variances, directions = np.linalg.eigh(np.cov(rows.T))
        spread = np.sqrt(np.maximum(variances, FLOOR * variances.mean()))
        return cls(rows.mean(axis=0), directions, spread)

    def whiten(self, rows: Matrix) -> Tensor:
        """Tokens [tokens, channels] in these axes, float32."""
        whitened = (rows - self.mean) @ self.directions / self.spread
        return torch.from_numpy(whitened.astype(np.float32))

    def unwhiten(self, found: WhitenedMap) -> LinearMap:
        """A map found in these axes, as one of tokens."""
        matrix, shift = (part.detach().double().numpy() for part in (found.matrix, found.shift))
        back = (self.directions / self.spread) @ matrix @ (self.directions * self.spread).T
        return LinearMap(back, self.mean, self.mean + (shift * self.spread) @ self.directions.T)


Descent = Callable[[WhitenedMap, Tensor, Tensor, torch.Generator], None]
"""Adjusts a map so that tokens of one model, moved, look like those of another: both whitened."""


def fit_map(source: Tokens, target: Tokens, descend: Descent, seed: int) -> LinearMap:
    """The affine map of ``source`` that ``descend`` finds.

    Args:
        source: tokens [tokens, channels], of any number of photos.
        target: the same of other photos, through the other model; its axes are used.
        descend: adjusts the map.
        seed: of the start, and of the tokens compared in each step.
    """
    rows, there = (np.concatenate(part).astype(np.float64) for part in (source, target))
    axes, draw = Axes.of(there), torch.Generator().manual_seed(seed)
    found = WhitenedMap(rows.shape[1], draw)
    descend(found, axes.whiten(rows), axes.whiten(there), draw)
    return axes.unwhiten(found)


def one_after_another(first: LinearMap, second: LinearMap) -> LinearMap:
    """The map that does what ``first`` does, then what ``second`` does."""
    mean = second.mean_y + (first.mean_y - second.mean_x) @ second.matrix
    return LinearMap(first.matrix @ second.matrix, first.mean_x, mean)


def batches(
    source: Tensor, target: Tensor, steps: int, draw: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each step `BATCH` tokens of each side, drawn with replacement."""
    for _ in range(steps):
        mine, theirs = (
            part[torch.randint(len(part), (BATCH,), generator=draw)] for part in (source, target)
        )
        yield mine, theirs
