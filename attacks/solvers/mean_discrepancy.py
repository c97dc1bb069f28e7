"""Moving tokens of one model onto those of another by the distance of their kernel means.

The maximum mean discrepancy (Gretton et al., JMLR 13, 2012) with kernels of several widths, as deep
adaptation networks use it (Long et al., ICML 2015) and FORA against split learning (CVPR 2024). It
compares whole distributions, where `attacks.solvers.alignment` compares mean and covariance.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.solvers.alignment import Tokens
from attacks.solvers.ridge import LinearMap
from attacks.solvers.whitened_map import BATCH, WhitenedMap, batches, fit_map

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the kernels, squared, relative to the median squared distance."""
STEPS = 300
RATE = 5e-3


def match_kernels(source: Tokens, target: Tokens, seed: int = 0) -> LinearMap:
    """The affine map of ``source`` that makes the two least distinct, see `fit_map`."""
    return fit_map(source, target, _descend, seed)


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


def _descend(found: WhitenedMap, source: Tensor, target: Tensor, draw: torch.Generator) -> None:
    optimizer = torch.optim.Adam(found.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    unit = median_distance(source[:: len(source) // BATCH + 1], target[:: len(target) // BATCH + 1])
    for some, others in batches(source, target, STEPS, draw):
        loss = discrepancy(found(some), others, unit)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
