"""The least error of an unbiased attacker, from the Fisher information in noisy tokens.

Guo et al., "Measuring data leakage in machine-learning models with Fisher information", and
Maeng et al., "Bounding the invertibility of privacy-preserving instance encoding using Fisher
information" (arXiv:2209.10119), whose dFIL is the information's mean diagonal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Channel = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Values [d] to the mean [m] and the logarithm of the deviation [m] of what is received."""


@dataclass(frozen=True)
class Noise:
    """Fisher information of a noise of deviation 1, on its location and its logarithmic scale."""

    location: float = 1.0
    scale: float = 2.0


GAUSSIAN, LAPLACE = Noise(), Noise(2.0, 1.0)


def fisher_information(channel: Channel, values: Tensor, noise: Noise = GAUSSIAN) -> Tensor:
    """The information on ``values`` [d] in what is received, [d, d].

    Jacobians of the whole channel are taken by `torch.func.jacrev`.
    """
    _, log_deviation = channel(values)
    mean, scale = torch.func.jacrev(channel)(values)
    relative = mean / log_deviation.exp()[:, None]
    return noise.location * relative.T @ relative + noise.scale * scale.T @ scale


def dfil(information: Tensor) -> Tensor:
    """Mean diagonal of information matrices [..., d, d]; 1 / dFIL bounds the squared error."""
    return information.diagonal(dim1=-2, dim2=-1).mean(dim=-1)
