"""Moving tokens of one model to where a discriminator takes them for those of another.

The adversarial half of FORA (CVPR 2024), for a linear map between two models: the generator of
Goodfellow et al. (NeurIPS 2014), its loss that does not saturate, and the gradient penalty R1 of
Mescheder et al. (ICML 2018), which makes the game converge. The discriminator sees one token at a
time.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from attacks.solvers.alignment import Gaussian, Tokens, transport
from attacks.solvers.ridge import LinearMap
from attacks.solvers.whitened_map import WhitenedMap, batches, fit_map, one_after_another

WIDTH = 128
"""Of both hidden layers."""
STEPS = 600
RATE = 1e-3
"""Of the discriminator."""
MOVES = 1e-4
"""Rate of the map."""
BETAS = (0.0, 0.99)
PENALTY = 1.0
"""Of the squared gradient at real tokens."""


def fool_discriminator(
    source: Tokens, target: Tokens, seed: int = 0, rate: float = MOVES
) -> LinearMap:
    """The affine map that makes ``source`` pass for ``target``, begun at the optimal transport.

    Args:
        source: tokens [tokens, channels], of any number of photos.
        target: the same of other photos, through the other model.
        seed: of both players, and of the tokens in each step.
        rate: of the map.
    """
    start = transport(Gaussian.of(source), Gaussian.of(target))
    moved = [start.mean_y + (tokens - start.mean_x) @ start.matrix for tokens in source]
    return one_after_another(start, fit_map(moved, target, partial(_play, rate=rate), seed))


def discriminator(channels: int, draw: torch.Generator) -> nn.Sequential:
    """Tokens [tokens, channels] to logits [tokens, 1]: above 0 for tokens held for real."""
    layers = [nn.Linear(a, b) for a, b in ((channels, WIDTH), (WIDTH, WIDTH), (WIDTH, 1))]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, a=0.2, generator=draw)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.LeakyReLU(0.2), layers[1], nn.LeakyReLU(0.2), layers[2])


def _play(
    found: WhitenedMap, source: Tensor, target: Tensor, draw: torch.Generator, rate: float
) -> None:
    judge = discriminator(source.shape[1], draw)
    judging = torch.optim.Adam(judge.parameters(), lr=RATE, betas=BETAS)
    moving = torch.optim.Adam(found.parameters(), lr=rate, betas=BETAS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(moving, STEPS)
    for some, real in batches(source, target, STEPS, draw):
        _step(judging, _judged(judge, found(some).detach(), real))
        _step(moving, softplus(-judge(found(some))).mean())
        schedule.step()


def _judged(judge: nn.Module, moved: Tensor, real: Tensor) -> Tensor:
    real = real.detach().requires_grad_()
    logits = judge(real)
    (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    steep = slope.square().sum(1).mean()
    return softplus(-logits).mean() + softplus(judge(moved)).mean() + PENALTY / 2 * steep


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
