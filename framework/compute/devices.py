"""Devices that torch can compute on here."""

from __future__ import annotations

import os
import re
import warnings

import torch

from framework.errors import PedbenchError, one_line

AUTO, CUDA = "auto", "cuda"
VISIBLE = "CUDA_VISIBLE_DEVICES"
DEVICE = re.compile(r"auto|cpu|mps|cuda(?::(\d+))?")
KNOWN = "auto, cpu, cuda, cuda:N or mps"


def usable_device(name: str | None = None) -> str:
    """``name``, if this machine has it; for ``auto``, the fastest kind that it has.

    Args:
        name: ``auto``, ``cpu``, ``cuda``, one of several as ``cuda:N``, or ``mps`` (Apple's GPU);
            ``auto`` unless given.

    Raises:
        PedbenchError: another kind of device, or one that is not there.
    """
    name = AUTO if name is None else name
    match = DEVICE.fullmatch(name)
    if match is None:
        raise PedbenchError(f"unknown device '{name}': give {KNOWN}")
    if name == AUTO:
        return CUDA if _cuda_devices()[0] else "mps" if _has_mps() else "cpu"
    if name.startswith("cuda"):
        found, why = _cuda_devices()
        if not found:
            raise PedbenchError(f"device '{name}': {why}, give --device cpu or auto")
        if match[1] and int(match[1]) >= found:
            raise PedbenchError(f"device '{name}': there are {found} here, numbered from 0")
    if name == "mps" and not _has_mps():
        raise PedbenchError("device 'mps': no Apple GPU here, give --device cpu or auto")
    return name


def gpus() -> list[str]:
    """The CUDA devices here, each as ``CUDA_VISIBLE_DEVICES`` names it."""
    count = _cuda_devices()[0]
    named = [name.strip() for name in os.environ.get(VISIBLE, "").split(",") if name.strip()]
    return named[:count] if named else [str(number) for number in range(count)]


def _cuda_devices() -> tuple[int, str]:
    """How many there are, and why there is none."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    why = "no CUDA device or driver here"
    return found, f"{why} ({one_line(Exception(told[0].message))})" if told else why


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
