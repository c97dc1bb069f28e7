"""The flags of commands whose encoder may run in another precision, compiled, or elsewhere."""

from __future__ import annotations

import argparse
from typing import Any


def add_speed_flags(parser: argparse.ArgumentParser) -> None:
    """Describe the flags; edge and servers must be given the same precision."""
    parser.add_argument(
        "--precision",
        default="float32",
        help="of the encoder: float32, float16, bfloat16, or int8 linear layers (CPU only)",
    )
    parser.add_argument("--compile", action="store_true", help="run its blocks compiled")
    parser.add_argument(
        "--runtime", default="torch", help="of the encoder: torch, or onnx (CPU, float32)"
    )


def speed_options(args: argparse.Namespace) -> dict[str, Any]:
    """The flags as `build_sam` takes them."""
    return {"precision": args.precision, "compile": args.compile, "runtime": args.runtime}
