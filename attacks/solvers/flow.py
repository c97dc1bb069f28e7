"""Draws from a rectified flow, given what is known exactly."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""Noisy pictures [n, 3, h, w] and their times [n] → velocities, as `FlowNetwork`'s."""


def drawn(velocity: Velocity, free: Tensor, count: int, steps: int, seed: int) -> Tensor:
    """Pictures that the flow makes of noise, 0 wherever they are known to be: [count, 3, h, w].

    In each step the flow takes a noisy picture for a clean one. What is known is put back in it,
    exactly, as in DDNM (Wang et al., ICLR 2023), and less noise than before is laid over it. All
    noise is drawn anew, as RePaint (Lugmayr et al., CVPR 2022) does with part of it, so that later
    steps can mend what earlier ones drew. So draws differ less from each other than what the flow
    holds possible, by half of the variance and more. Noise kept from step to step, whole or in
    part, did worse by PSNR and by LPIPS.

    Args:
        free: 1 where the picture is unknown, else 0; [1, 1, h, w].
        steps: evaluations of the flow.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    clean = torch.zeros(count, 3, *free.shape[2:])
    for now in torch.linspace(1, 0, steps + 1)[:-1].tolist():
        noisy = (1 - now) * clean + now * torch.randn(clean.shape, generator=generator)
        clean = cleaned(velocity, noisy, now) * free
    return clean


def cleaned(velocity: Velocity, noisy: Tensor, time: float) -> Tensor:
    """What the flow takes noisy pictures [n, 3, h, w] of some time for."""
    return noisy - time * velocity(noisy, torch.full((len(noisy),), time))
