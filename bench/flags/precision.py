"""The flags of commands whose encoder may run in another precision, compiled, or elsewhere."""

from __future__ import annotations

import argparse
from typing import Any

from bench.flags.arguments import add_device_flag
from framework.errors import PedbenchError


def add_speed_flags(parser: argparse.ArgumentParser, device: str | None = None) -> None:
    """Describe the flags; edge and servers must be given the same precision.

    Args:
        device: the default one, in place of ``auto``.
    """
    parser.add_argument(
        "--precision",
        default="float32",
        help="compute the encoder in float32, float16, bfloat16, or with int8 linear layers "
        "(CPU only) (default: float32)",
    )
    parser.add_argument("--compile", action="store_true", help="compile the encoder's blocks")
    parser.add_argument(
        "--runtime",
        default="torch",
        help="run the encoder in torch, or onnx (CPU, float32) (default: torch)",
    )
    add_device_flag(parser, device)


def speed_options(args: argparse.Namespace) -> dict[str, Any]:
    """The flags as `build_sam` takes them."""
    return {"precision": args.precision, "compile": args.compile, "runtime": args.runtime}


def device_of(args: argparse.Namespace) -> str:
    """Where the encoder computes.

    Raises:
        PedbenchError: a device was named that the precision or the runtime does not run on.
    """
    from framework.compute.devices import usable_device

    bound = {"--precision int8": args.precision == "int8", "--runtime onnx": args.runtime == "onnx"}
    named = next((flag for flag, is_set in bound.items() if is_set), None)
    if named is None:
        return usable_device(args.device)
    if args.device not in (None, "cpu"):
        raise PedbenchError(f"{named} runs on the CPU: leave --device {args.device} out")
    return "cpu"
