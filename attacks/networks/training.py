"""Training of the attacks' networks, with early stopping on held-out public photos."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from framework.training.optimisation.precision import multiplies_bfloat16

WEIGHT_DECAY = 1e-2
CHECKS = 20
"""Looks at the held-out photos in a training of full length."""
PATIENCE = 8
"""Looks without an improvement after which training ends."""

Module = TypeVar("Module", bound=nn.Module)


def train(
    network: nn.Module,
    loss: Callable[[torch.Generator], Tensor],
    held_out: Callable[[], float],
    steps: int,
    rate: float,
    seed: int,
) -> NDArray[np.float32]:
    """Minimise ``loss`` in place; the weights that did best on held-out photos are kept.

    Products are in bfloat16 where the machine has units for it, which takes a third of the time.

    Args:
        loss: of a batch that it draws with the generator.
        held_out: error on photos that no batch shows; called in evaluation mode.
        steps: at most.
        rate: highest learning rate of one cycle.
        seed: of the batches.

    Returns:
        The curve, [looks, 3]: steps done, mean loss since the last look, held-out error.
    """
    device = next(network.parameters()).device.type
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, partial(_cycle, steps=steps))
    batches = torch.Generator().manual_seed(seed)
    between = max(1, steps // CHECKS)
    curve, losses, best, since_best = [], [], float("inf"), 0
    kept = _copy(network)
    for step in range(1, steps + 1):
        network.train()
        with torch.autocast(device, torch.bfloat16, enabled=multiplies_bfloat16(device)):
            value = loss(batches)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(value.item())
        if step % between and step < steps:
            continue
        error = _look(network, held_out)
        curve.append((step, float(np.mean(losses)), error))
        losses = []
        since_best += 1
        if error < best:
            best, since_best, kept = error, 0, _copy(network)
        if since_best >= PATIENCE:
            break
    network.load_state_dict(kept)
    network.eval()
    return np.array(curve, dtype=np.float32).reshape(-1, 3)


def _cycle(step: int, steps: int) -> float:
    """Share of the highest rate: up in the first tenth, then down along a cosine."""
    rise = max(1, steps // 10)
    if step < rise:
        return (step + 1) / rise
    return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1, steps - rise))


@torch.inference_mode()
def _look(network: nn.Module, held_out: Callable[[], float]) -> float:
    network.eval()
    return held_out()


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def network_state(network: nn.Module, prefix: str) -> dict[str, NDArray[Any]]:
    """A network's weights as named arrays."""
    return {prefix + name: value.cpu().numpy() for name, value in network.state_dict().items()}


def load_network(
    make: Callable[[], Module], state: Mapping[str, NDArray[Any]], prefix: str
) -> Module:
    """The network that `network_state` wrote down."""
    with torch.device("meta"):
        network = make()
    own = {name: torch.as_tensor(state[prefix + name]) for name in network.state_dict()}
    network.load_state_dict(own, assign=True)
    return network.eval().requires_grad_(False)
