"""`pedbench defend`: train defences that have weights of their own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.flags.arguments import positive
from bench.flags.training import add_length_flags

if TYPE_CHECKING:
    from bench.runner.models import Models
    from framework.split.defences.trained.base import TrainedDefence

DATA = ("package_photos", "synthetic:48")


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "defend", help="train a defence with weights of its own, on the edge's own photos"
    )
    parser.add_argument("defence", nargs="?", help="train this defence, e.g. adversarial")
    parser.add_argument(
        "--strength",
        type=positive,
        action="append",
        help="train for this strength; may be repeated",
    )
    parser.add_argument(
        "--preset", help="train instead what this preset asks for and is not trained yet"
    )
    parser.add_argument(
        "--model", help="defend this model (default: that of the preset, else tiny)"
    )
    parser.add_argument(
        "--checkpoint", help="load this weight file (default: shipped or official weights)"
    )
    parser.add_argument("--plan", help="defend this split plan (default: interleaved)")
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
    from bench.runner.models import Models
    from framework.compute.devices import usable_device
    from framework.errors import PedbenchError

    model, wanted = _of_preset(args) if args.preset else _of_flags(args)
    models = Models(model, args.checkpoint, device=args.device or usable_device())
    if args.preset:
        wanted = _untrained(models, wanted)
    resize = ResizeLongestSide(models.sam.arch.img_size).apply_image
    datasets = [open_dataset(spec) for spec in args.data or DATA]
    frames = [resize(data.load(image_id).image) for data in datasets for image_id in data.ids]
    if not frames:
        given = " and ".join(args.data or DATA)
        raise PedbenchError(f"{given}: no image to train on, give other --data")
    for number, (defence, plan, adapted) in enumerate(wanted, start=1):
        if len(wanted) > 1:
            print(f"{number} of {len(wanted)}: {defence.name} {defence.strength:g}", flush=True)
        sam = models.get(adapted)
        print(defence.train(sam, plan, frames, args.steps, args.seed), flush=True)
    return 0


Wanted = Sequence[tuple["TrainedDefence", str, bool]]
"""Defences, each with the split plan that it is trained for, and whether weights are adapted."""


def _of_flags(args: argparse.Namespace) -> tuple[str, Wanted]:
    """The model, and what the flags name."""
    from framework.errors import PedbenchError
    from framework.models.named import architecture
    from framework.split.defences import DEFENCES, make_defence
    from framework.split.defences.trained.base import TrainedDefence
    from framework.split.plans import make_plan

    if args.defence is None or not args.strength:
        raise PedbenchError("what shall be trained? Give DEFENCE and --strength S, or --preset P")
    model, plan = args.model or "tiny", args.plan or "interleaved"
    make_plan(plan, architecture(model))
    defences = [make_defence(args.defence, strength) for strength in args.strength]
    trained = [(part, plan, False) for part in defences if isinstance(part, TrainedDefence)]
    if not trained:
        names = [n for n, part in DEFENCES.items() if issubclass(part, TrainedDefence)]
        raise PedbenchError(
            f"defence '{args.defence}' has nothing to train: give one of {', '.join(names)}"
        )
    return model, trained


def _of_preset(args: argparse.Namespace) -> tuple[str, Wanted]:
    """The model, and what a preset's pipelines name."""
    from bench.spec.config import load_preset
    from framework.errors import PedbenchError
    from framework.split.defences import make_defence
    from framework.split.defences.trained.base import TrainedDefence

    if args.defence or args.strength or args.plan:
        raise PedbenchError("--preset names what is trained: leave DEFENCE, --strength, --plan out")
    config = load_preset(args.preset)
    made = [
        (make_defence(pipeline.defence, pipeline.strength or None), pipeline)
        for pipeline in dict.fromkeys(cell.pipeline for cell in config.cells())
    ]
    trained = [(part, p.plan, p.adapted) for part, p in made if isinstance(part, TrainedDefence)]
    if not trained:
        raise PedbenchError(f"preset '{args.preset}' has no defence to train: run it as it is")
    return args.model or config.model, trained


def _untrained(models: Models, wanted: Wanted) -> Wanted:
    """Those without weights in the cache, one for each file."""
    missing = {
        path: (defence, plan, adapted)
        for defence, plan, adapted in wanted
        if not (path := defence.path(models.get(adapted), plan)).is_file()
    }
    print(f"{len(missing)} to train; {len(wanted) - len(missing)} need none or have theirs")
    return list(missing.values())
