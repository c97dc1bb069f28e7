"""Several training processes, one per core or GPU, that share each step's gradient."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch.nn import Parameter


def rank() -> int:
    """Number of this process, 0 where there is but one."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def share_gradients(parameters: Iterable[Parameter]) -> None:
    """Replace every gradient by its mean over the processes; nothing to do for a single one."""
    if not (dist.is_available() and dist.is_initialized()):
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in trained:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    pieces = flat.split([gradient.numel() for gradient in gradients])
    for gradient, piece in zip(gradients, pieces, strict=True):
        gradient.copy_(piece.view_as(gradient))
