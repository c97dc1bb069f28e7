"""Values that are not finite: an error that names the likely cause, never an empty mask."""

from __future__ import annotations

import torch
from torch import Tensor

from framework.errors import PedbenchError
from framework.models.build import PedSam


class NotFinite(PedbenchError):
    """The model's own result holds NaN or infinity; no server is to blame."""


def check_finite(values: Tensor, what: str, sam: PedSam) -> None:
    """Refuse values that no mask can come of.

    Args:
        values: of any shape and floating type.
        what: they are, for the message.
        sam: the model that computed them.

    Raises:
        NotFinite: one of them is NaN or infinite; the text names the likely cause.
    """
    if not _all_finite(values):
        raise not_finite(what, sam)


def _all_finite(values: Tensor) -> bool:
    """By the sum, which is fast; where that overflows, value by value."""
    total = values.sum(dtype=torch.float32)
    return bool(torch.isfinite(total)) or bool(torch.isfinite(values).all())


def not_finite(what: str, sam: PedSam) -> NotFinite:
    """The error for a result of ``sam`` with NaN or infinity in it."""
    return NotFinite(f"NaN or infinity in {what}: {_cause(sam)}")


def _cause(sam: PedSam) -> str:
    half = sam.runtime.dtype is torch.float16
    for name, tensor in sam.state_dict().items():
        if torch.isnan(tensor).any() or (not half and torch.isinf(tensor).any()):
            return f"weight '{name}' is not finite, give another checkpoint"
    if half:
        return "float16 overflows in this model, take precision bfloat16 or float32"
    return "the model overflows, give a checkpoint that was trained for this architecture"
