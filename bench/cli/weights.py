"""`pedbench weights`: what weights are there, and fetch those that are not."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("weights", help="show or download weights of models and metrics")
    parser.add_argument(
        "fetch",
        nargs="*",
        help="download these: vit_b, vit_l, vit_h, lpips, vgg16 (default: only show all)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from bench.metrics.trunks.alexnet import ensure_trunk
    from bench.metrics.trunks.vgg16 import ensure_vgg16
    from framework.errors import unknown_name
    from framework.models.checkpoint import OFFICIAL, locate_weights
    from framework.models.named import architecture

    known = {*OFFICIAL, "lpips", "vgg16"}
    for name in args.fetch:
        if name not in known:
            raise unknown_name("weights", name, known)
    for name in args.fetch:
        if name == "lpips":
            path: Path | None = ensure_trunk()
        elif name == "vgg16":
            path = ensure_vgg16()
        else:
            path = locate_weights(architecture(name)).path
        print(f"{name}: {path}")
    if not args.fetch:
        for name, state in weight_states().items():
            print(f"{name:<18} {state}")
    return 0


def weight_states() -> dict[str, str]:
    """Each weight file with where it is, or the command that brings it."""
    from bench.metrics import MetricUnavailable
    from bench.metrics.trunks.alexnet import load_trunk, trunk_path, trunk_source
    from framework.files.cache import cache_dir
    from framework.models.architectures import ARCHITECTURES
    from framework.models.checkpoint import OFFICIAL, OFFICIAL_ADDRESS, SHIPPED, recipe

    states = {}
    for name in ARCHITECTURES:
        if name in OFFICIAL:
            source, path = OFFICIAL_ADDRESS, cache_dir() / OFFICIAL[name][0]
            missing = f"missing: pedbench weights {name}"
        else:
            source, path = "shipped", SHIPPED / f"{name}.safetensors"
            missing = f"missing: pedbench {recipe(name)}"
        states[name] = f"{path} ({source})" if path.is_file() else missing
    try:
        load_trunk()
        states["lpips"] = f"{trunk_path()} ({trunk_source()})"
    except MetricUnavailable:
        states["lpips"] = "missing: pedbench weights lpips"
    return states
