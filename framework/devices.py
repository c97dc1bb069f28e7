"""Devices that torch can compute on here."""

from __future__ import annotations

import re

import torch

from framework.errors import PedbenchError

DEVICE = re.compile(r"cpu|cuda(?::(\d+))?")


def usable_device(name: str | None = None) -> str:
    """``name``, if this machine has it; unless given, CUDA where there is one, else the CPU.

    Args:
        name: ``cpu``, ``cuda``, or one of several as ``cuda:N``.

    Raises:
        PedbenchError: another kind of device, or one that is not there.
    """
    found = torch.cuda.device_count() if name != "cpu" and torch.cuda.is_available() else 0
    if name is None:
        return "cuda" if found else "cpu"
    match = DEVICE.fullmatch(name)
    if match is None:
        raise PedbenchError(f"unknown device '{name}': give cpu or cuda")
    if name != "cpu" and not found:
        raise PedbenchError(f"device '{name}': no CUDA device or driver here, give --device cpu")
    if match[1] and int(match[1]) >= found:
        raise PedbenchError(f"device '{name}': there are {found} here, numbered from 0")
    return name
