"""Which precision a machine multiplies fast in."""

from __future__ import annotations

import torch


def multiplies_bfloat16(device: str) -> bool:
    """Whether a kind of device, ``cpu`` or ``cuda``, has units that multiply in bfloat16 here."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported()
    has_matrix_units = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return device == "cpu" and has_matrix_units is not None and has_matrix_units()
