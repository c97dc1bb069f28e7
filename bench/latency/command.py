"""The part of `pedbench run` that hands over to latency."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.outputs import print_written
from bench.latency import run as carry_out
from bench.latency.config import load_latency, narrowed
from bench.latency.report.output import write_outputs
from bench.spec.restriction import read_only
from framework.errors import PedbenchError

FOREIGN = (
    "data",
    "public",
    "precision",
    "adapted_checkpoint",
    "attacks",
    "metrics",
    "seeds",
    "images",
    "annotations",
    "save_images",
    "keep_reconstructions",
    "workers",
    "executor",
    "part",
    "dry_run",
    "device",
    "no_pictures",
    "store_size",
    "shards",
    "tls_cert",
    "tls_key",
    "tls_ca",
    "insecure",
    "insecure_anywhere",
    "proxy",
    "max_megapixels",
)
"""Flags that mean nothing to a latency run."""


def run(args: argparse.Namespace) -> int:
    """Carry out ``pedbench run --preset latency``; ``--limit`` is the number of repeats.

    Raises:
        PedbenchError: a flag does not apply or makes no sense.
    """
    for name in FOREIGN:
        if getattr(args, name, None):
            flag = "store-size or --no-store" if name == "store_size" else name.replace("_", "-")
            raise PedbenchError(f"--{flag} does not apply to preset {args.preset}: leave it out")
    given = {
        field: value
        for field, value in (
            ("model", args.model),
            ("checkpoint", args.checkpoint),
            ("repeats", args.limit),
        )
        if value is not None
    }
    config = load_latency(args.preset, given)
    if args.only:
        config = narrowed(config, read_only(args.only))
    folder = args.out or Path("results") / f"{config.preset}-{config.model}"
    rows = carry_out.run(config, folder, args.fresh)
    print(f"{len(rows)} photos timed")
    print_written(write_outputs(folder))
    return 0
