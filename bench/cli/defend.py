"""`pedbench defend`: train a defence that has weights of its own."""

from __future__ import annotations

import argparse

from bench.flags.arguments import positive
from bench.flags.training import add_length_flags

DATA = ("package_photos", "synthetic:48")


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "defend", help="train a defence with weights of its own, on the edge's own photos"
    )
    parser.add_argument("defence", help="train this defence, e.g. adversarial")
    parser.add_argument(
        "--strength",
        type=positive,
        action="append",
        required=True,
        help="train for this strength; may be repeated",
    )
    parser.add_argument("--model", default="tiny", help="defend this model (default: tiny)")
    parser.add_argument(
        "--checkpoint", help="load this weight file (default: shipped or official weights)"
    )
    parser.add_argument(
        "--plan", default="interleaved", help="defend this split plan (default: interleaved)"
    )
    parser.add_argument(
        "--data",
        action="append",
        help=f"train on this data set; may be repeated (default: {' and '.join(DATA)})",
    )
    add_length_flags(parser, steps=150)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from segment_anything.utils.transforms import ResizeLongestSide

    from bench.datasets import open_dataset
    from framework import build_sam
    from framework.compute.devices import usable_device
    from framework.errors import PedbenchError
    from framework.split.defences import DEFENCES, make_defence
    from framework.split.defences.trained.base import TrainedDefence
    from framework.split.plans import make_plan

    defences = [make_defence(args.defence, strength) for strength in args.strength]
    trained = [defence for defence in defences if isinstance(defence, TrainedDefence)]
    if not trained:
        names = [n for n, part in DEFENCES.items() if issubclass(part, TrainedDefence)]
        raise PedbenchError(
            f"defence '{args.defence}' has nothing to train: give one of {', '.join(names)}"
        )
    sam = build_sam(args.model, args.checkpoint).to(args.device or usable_device())
    make_plan(args.plan, sam.arch)
    resize = ResizeLongestSide(sam.arch.img_size).apply_image
    datasets = [open_dataset(spec) for spec in args.data or DATA]
    frames = [resize(data.load(image_id).image) for data in datasets for image_id in data.ids]
    if not frames:
        given = " and ".join(args.data or DATA)
        raise PedbenchError(f"{given}: no image to train on, give other --data")
    for defence in trained:
        print(defence.train(sam, args.plan, frames, args.steps, args.seed))
    return 0
