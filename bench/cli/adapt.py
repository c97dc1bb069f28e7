"""`pedbench adapt`: a model's blocks reordered for `globals_last` and distilled back."""

from __future__ import annotations

import argparse

from bench.flags.training import add_training_flags


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "adapt", help="adapt a model to the plan globals_last; resumes where it stopped"
    )
    parser.add_argument("--model", default="tiny", help="adapt this model (default: tiny)")
    parser.add_argument(
        "--checkpoint", help="load this weight file (default: shipped or official weights)"
    )
    add_training_flags(parser, "results/adapt", steps=2_000, rate="3e-4")
    parser.add_argument(
        "--train",
        choices=("all", "globals"),
        default="all",
        help="train all blocks, or only global blocks and neck: shards then keep the stock weights "
        "(default: all)",
    )
    parser.set_defaults(run=run, resumes=True)


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
