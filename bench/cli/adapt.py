"""`pedbench adapt`: a model's blocks reordered for `globals_last` and distilled back."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.flags.arguments import (
    add_device_flag,
    add_photo_flags,
    not_negative_int,
    positive,
    positive_int,
)


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "adapt", help="adapt a model to the plan globals_last; resumes where it stopped"
    )
    parser.add_argument("--model", default="tiny", help="adapt this model (default: tiny)")
    parser.add_argument(
        "--checkpoint", help="load this weight file (default: shipped or official weights)"
    )
    parser.add_argument(
        "--data",
        action="append",
        required=True,
        help="train on this data set with masks; may be repeated",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results/adapt"),
        help="write state and weights here (default: results/adapt)",
    )
    parser.add_argument(
        "--steps",
        type=positive_int,
        default=2_000,
        help="train N steps (default: 2000)",
        metavar="N",
    )
    parser.add_argument(
        "--batch",
        type=positive_int,
        default=8,
        help="use N photos a step (default: 8)",
        metavar="N",
    )
    parser.add_argument(
        "--lr", type=positive, default=3e-4, help="set the highest learning rate (default: 3e-4)"
    )
    parser.add_argument(
        "--seed", type=not_negative_int, default=0, help="set the random seed (default: 0)"
    )
    parser.add_argument(
        "--train",
        choices=("all", "globals"),
        default="all",
        help="train all blocks, or only global blocks and neck: shards then keep the stock weights "
        "(default: all)",
    )
    add_device_flag(parser)
    add_photo_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from bench.cli.train import Photos
    from bench.datasets import open_dataset
    from framework import build_sam
    from framework.compute.devices import usable_device
    from framework.files.writing import make_folder
    from framework.models.architectures import GLOBALS_LAST
    from framework.training import export
    from framework.training.adapt import Adaptation, adapt

    make_folder(args.out, "give another --out")
    photos = Photos([open_dataset(spec) for spec in args.data])
    teacher = build_sam(args.model, args.checkpoint).to(args.device or usable_device())
    state = adapt(
        teacher,
        photos,
        args.out,
        steps=args.steps,
        adaptation=Adaptation(trained=args.train),
        batch=args.batch,
        lr=args.lr,
        seed=args.seed,
    )
    weights = export(state, args.out / f"{args.model}{GLOBALS_LAST}.safetensors")
    print(
        f"{weights}: use it with --plan globals_last --model {args.model}{GLOBALS_LAST} "
        f"--checkpoint {weights}, or in 'pedbench run' with --adapted-checkpoint {weights}"
    )
    return 0
