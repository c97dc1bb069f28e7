"""`torch.compile` for the encoder's blocks, where there is a compiler."""

from __future__ import annotations

import warnings

import torch
from segment_anything.modeling import ImageEncoderViT

from framework.errors import one_line
from framework.models.block import FoldedBlock


def compile_blocks(encoder: ImageEncoderViT) -> bool:
    """Compile every block, in place; whether that was possible.

    The number of windows and tokens stays open, so that shards of any size share one compilation.
    Where nothing can be compiled a warning of one line says why, and PyTorch runs as usual.
    """
    try:
        torch.compile(_probe, dynamic=True)(torch.zeros(3))
    except Exception as error:  # the back end raises what it likes
        warnings.warn(
            f"torch.compile does not work here ({one_line(error)}): running without it; "
            "a C++ compiler (g++) is needed",
            stacklevel=3,
        )
        return False
    for block in encoder.blocks:
        if isinstance(block, FoldedBlock) and block.window_size:
            block.on_windows = torch.compile(block.on_windows, dynamic=True)  # type: ignore[method-assign]
        else:
            block.compile()
    return True


def _probe(x: torch.Tensor) -> torch.Tensor:
    return x.relu() + 1
