"""The parts that race encoders: stock against ours, int8, ONNX Runtime, shards in this process."""

from __future__ import annotations

from collections.abc import Iterator

from framework import build_sam
from studies.performance.race import Side, race
from studies.performance.results import Row

STOCK, STOCK_KEPT = "stock, system allocator", "stock, memory kept"
OURS, OURS_SYSTEM = "ours, memory kept", "ours, system allocator"
INT8 = "ours, int8"
ONNX = "ours, ONNX Runtime"
MONOLITHIC = "monolithic"
SHARDS = (1, 2, 4, 25)


def encode(model: str, repeats: int) -> Iterator[Row]:
    """Stock against ours under both allocator settings."""
    sides = [
        Side(STOCK, "stock", keep=False),
        Side(OURS, "local", keep=True),
        Side(STOCK_KEPT, "stock", keep=True),
        Side(OURS_SYSTEM, "local", keep=False),
    ]
    return race("encode", model, sides, repeats)


def int8(model: str, repeats: int) -> Iterator[Row]:
    """Stock as shipped against ours with int8 linear layers."""
    sides = [
        Side(STOCK, "stock", keep=False),
        Side(INT8, "local", keep=True, options={"precision": "int8"}),
    ]
    return race("int8", model, sides, repeats)


def onnx(model: str, repeats: int) -> Iterator[Row]:
    """Our encoder in PyTorch against the same in ONNX Runtime."""
    build_sam(model, "random", runtime="onnx").runtime.prepare()  # exports here, not in a side
    sides = [
        Side(OURS, "local", keep=True),
        Side(ONNX, "local", keep=True, options={"runtime": "onnx"}),
    ]
    return race("onnx", model, sides, repeats)


def shards(model: str, repeats: int) -> Iterator[Row]:
    """Our encoder in one piece against the same shared out in one process."""
    sides = [Side(MONOLITHIC, "local", keep=True)]
    sides += [Side(f"{count} shards", f"shards:{count}", keep=True) for count in SHARDS]
    return race("shards", model, sides, repeats)
