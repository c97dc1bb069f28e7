"""Moving tokens of one model onto those of another by the distance of their kernel means.

The maximum mean discrepancy (Gretton et al., JMLR 13, 2012) with kernels of several widths, as deep
adaptation networks use it (Long et al., ICML 2015) and FORA against split learning (2024). It
compares whole distributions, where `attacks.solvers.alignment` compares mean and covariance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attacks.solvers.ridge import LinearMap

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the kernels, squared, relative to the median squared distance."""
RANK = 16
"""Of the part of the map that mixes axes."""
BATCH = 256
"""Tokens of each model in a step."""
STEPS = 300
RATE = 5e-3
FLOOR = 1e-4
"""Least variance of an axis, relative to the mean variance."""


def match_kernels(
    source: Sequence[NDArray[np.floating]], target: Sequence[NDArray[np.floating]], seed: int = 0
) -> LinearMap:
    """The affine map of ``source`` that descent finds to make the two least distinct.

    In the principal axes of ``target``, each of variance 1, the map is a scale for each axis, a
    shift and a matrix of rank `RANK`. It begins as the identity.

    Args:
        source: tokens [tokens, channels], of any number of photos.
        target: the same of other photos, through the other model.
        seed: of the start, and of the tokens compared in each step.
    """
    rows, there = (np.concatenate(part).astype(np.float64) for part in (source, target))
    mean = there.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(there.T))
    spread = np.sqrt(np.maximum(variances, FLOOR * variances.mean()))
    mine, theirs = (
        torch.from_numpy(((part - mean) @ axes / spread).astype(np.float32))
        for part in (rows, there)
    )
    matrix, shift = (part.double().numpy() for part in _descended(mine, theirs, seed))
    back = (axes / spread) @ matrix @ (axes * spread).T
    return LinearMap(back, mean, mean + (shift * spread) @ axes.T)


def discrepancy(a: Tensor, b: Tensor, unit: float) -> Tensor:
    """The squared maximum mean discrepancy of rows [n, channels] and [m, channels], at least 0.

    Args:
        unit: squared distance that a kernel of width 1 stands for, see `median_distance`.
    """
    both = torch.cat([a, b])
    distances = torch.cdist(both, both).square() / unit
    kernel = torch.stack([torch.exp(-distances / width) for width in WIDTHS]).mean(0)
    n = len(a)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


def median_distance(a: Tensor, b: Tensor) -> float:
    """The median squared distance of any two rows of both."""
    both = torch.cat([a, b])
    return max(float(torch.cdist(both, both).square().median()), 1e-12)


def _descended(source: Tensor, target: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The map, [channels, channels], and the shift, [channels]."""
    channels = source.shape[1]
    draw = torch.Generator().manual_seed(seed)
    scale, shift = torch.zeros(channels), torch.zeros(channels)
    left = torch.randn(channels, RANK, generator=draw) / channels**0.5
    right = torch.zeros(RANK, channels)
    parameters = [part.requires_grad_() for part in (scale, shift, left, right)]
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    unit = median_distance(source[:: len(source) // BATCH + 1], target[:: len(target) // BATCH + 1])
    for _ in range(STEPS):
        some, others = (
            part[torch.randint(len(part), (BATCH,), generator=draw)] for part in (source, target)
        )
        moved = some * scale.exp() + shift + (some @ left) @ right
        loss = discrepancy(moved, others, unit)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    matrix = torch.diag(scale.exp()) + left @ right
    return matrix.detach(), shift.detach()
