"""Which way to compute attention: chosen by device, precision, free memory and size.

No way is the fastest everywhere. A CPU is fastest on small pieces that stay in its cache. A GPU is
fastest on few large products: in float32 on stock's own, in half precision on a flash kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import torch
from torch import Tensor

FUSED_FROM_TOKENS = 256
"""Below this many tokens plain products are faster than a fused kernel (measured on CPU)."""
FLASH_WIDTH = 256
"""Widest head that a flash kernel takes, channels."""
MOST_HELD = 2**29
"""Bytes of logits that a GPU holds at once: several heads fill it, more are not faster."""
SHARE_HELD = 4
"""Of the free memory, one such part."""


class Kernel(Enum):
    """A way to compute attention; see `framework.models.attention`."""

    PLAIN = "plain"
    """Stock's products, logits of some heads at a time."""
    FOLDED = "folded"
    """Positions folded into one plain product."""
    FUSED = "fused"
    """Positions folded into a fused kernel's product: no logits stand in memory."""
    CHUNKED = "chunked"
    """A fused kernel, given the positions of few queries at a time as a mask."""


@dataclass(frozen=True)
class Work:
    """What is to be computed.

    Attributes:
        device: its kind, as PyTorch names it.
        dtype: of queries, keys and values.
        tokens: of one map, each a query and a key.
        width: channels of a head with its positions folded in.
        gradients: whether a backward pass follows.
    """

    device: str
    dtype: torch.dtype
    tokens: int
    width: int
    gradients: bool = False

    @classmethod
    def of(cls, q: Tensor, positions: int) -> Work:
        """That of queries [batch, heads, tokens, channels] with so many positions."""
        return cls(q.device.type, q.dtype, q.shape[2], q.shape[3] + positions, q.requires_grad)

    @property
    def map_bytes(self) -> int:
        """Held for one head of one map: its logits, before and after the softmax."""
        return 2 * self.tokens**2 * self.dtype.itemsize


def choose(work: Work, free: int) -> Kernel:
    """The way for ``work`` where ``free`` bytes are left on the device."""
    few = work.tokens < FUSED_FROM_TOKENS
    if work.device == "cpu":
        if few:
            return Kernel.FOLDED
        if work.gradients:
            return Kernel.FOLDED if work.dtype == torch.bfloat16 else Kernel.FUSED
        return Kernel.CHUNKED
    half = work.dtype in (torch.float16, torch.bfloat16)
    if work.device == "cuda" and half and not few and work.width <= FLASH_WIDTH:
        return Kernel.FUSED
    if work.gradients or work.map_bytes <= budget(free):
        return Kernel.PLAIN
    return Kernel.CHUNKED


def budget(free: int) -> int:
    """Bytes of logits that may be held at once where ``free`` bytes are left."""
    return min(MOST_HELD, free // SHARE_HELD)


def maps_held(work: Work, free: int) -> int | None:
    """How many heads of maps `Kernel.PLAIN` computes at once; all where it is ``None``.

    A backward pass needs all logits anyway, and compiled code is to leave the number open.
    """
    if work.gradients or torch.compiler.is_compiling():
        return None
    return max(1, budget(free) // work.map_bytes)


@torch.compiler.assume_constant_result
def free_memory(device: torch.device) -> int:
    """Bytes that were left on a device when it was first asked; 0 on a CPU, which needs none."""
    return 0 if device.type == "cpu" else _free_at_first(device)


@lru_cache
def _free_at_first(device: torch.device) -> int:
    """Asking takes longer than a window's attention, so that it is asked once."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return SHARE_HELD * MOST_HELD
