"""The flags of commands whose encoder may run in another precision, compiled, or elsewhere."""

from __future__ import annotations

import argparse
from typing import Any


def add_speed_flags(parser: argparse.ArgumentParser) -> None:
    """Describe the flags; edge and servers must be given the same precision."""
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


def speed_options(args: argparse.Namespace) -> dict[str, Any]:
    """The flags as `build_sam` takes them."""
    return {"precision": args.precision, "compile": args.compile, "runtime": args.runtime}
