"""`pedbench defend`: train defences that have weights of their own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.flags.arguments import positive
from bench.flags.training import add_length_flags

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.runner.defences import Trained

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
        "--checkpoint",
        help="load this weight file (default: the preset's, else shipped or official weights)",
    )
    parser.add_argument("--plan", help="defend this split plan (default: interleaved)")
    parser.add_argument(
        "--data",
        action="append",
        help=f"train on this data set; may be repeated (default: {' and '.join(DATA)})",
    )
    add_length_flags(parser, steps=150)
    parser.set_defaults(run=run, resumes=True)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    wanted = _of_preset(args) if args.preset else _of_flags(args)
    if not wanted:
        return 0
    frames = _frames(args.data or DATA, wanted[0].sam.arch.img_size)
    for number, each in enumerate(wanted, start=1):
        if len(wanted) > 1:
            name = f"{each.defence.name} {each.defence.strength:g}"
            print(f"{number} of {len(wanted)}: {name}", flush=True)
        print(each.defence.train(each.sam, each.plan, frames, args.steps, args.seed), flush=True)
    return 0


def _of_flags(args: argparse.Namespace) -> Sequence[Trained]:
    """What the flags name."""
    from bench.runner.defences import Trained
    from framework import build_sam
    from framework.compute.devices import usable_device
    from framework.errors import PedbenchError
    from framework.split.defences import DEFENCES, make_defence
    from framework.split.defences.trained.base import TrainedDefence
    from framework.split.plans import make_plan

    if args.defence is not None:
        DEFENCES.get(args.defence)
    if args.defence is None or not args.strength:
        raise PedbenchError("name what is trained: DEFENCE and --strength S, or --preset P")
    made = [make_defence(args.defence, strength) for strength in args.strength]
    defences = [defence for defence in made if isinstance(defence, TrainedDefence)]
    if not defences:
        names = [n for n, part in DEFENCES.items() if issubclass(part, TrainedDefence)]
        raise PedbenchError(
            f"defence '{args.defence}' has nothing to train: give one of {', '.join(names)}"
        )
    device = args.device or usable_device()
    sam = build_sam(args.model or "tiny", args.checkpoint).to(device)
    plan = args.plan or "interleaved"
    if not make_plan(plan, sam.arch).rounds:
        raise PedbenchError(f"plan '{plan}' sends no tokens to defend: give another --plan")
    return [Trained(defence, sam, plan) for defence in defences]


def _of_preset(args: argparse.Namespace) -> Sequence[Trained]:
    """What a preset's pipelines name and has no weights yet, one for each file."""
    from bench.runner.defences import pipelines_of, trained_defences
    from bench.runner.models import Models
    from bench.spec.config import load_preset
    from framework.compute.devices import usable_device
    from framework.errors import PedbenchError

    if args.defence or args.strength or args.plan:
        raise PedbenchError("--preset names what is trained: leave DEFENCE, --strength, --plan out")
    config = load_preset(args.preset)
    config.check()
    models = Models(
        args.model or config.model,
        args.checkpoint or config.checkpoint,
        config.adapted_checkpoint,
        args.device or usable_device(),
    )
    of_file = {each.path: each for each in trained_defences(pipelines_of(config), models)}
    if not of_file:
        raise PedbenchError(f"preset '{args.preset}' has no defence to train: run it as it is")
    missing = [each for path, each in of_file.items() if not path.is_file()]
    print(f"to train: {len(missing)} of {len(of_file)}, the others have their weights")
    return missing


def _frames(data: Sequence[str], side: int) -> list[NDArray[np.uint8]]:
    """Model inputs of all photos.

    Args:
        data: data sets.
        side: of the model's input, pixels.
    """
    from segment_anything.utils.transforms import ResizeLongestSide

    from bench.datasets import open_dataset
    from framework.errors import PedbenchError

    resize = ResizeLongestSide(side).apply_image
    datasets = [open_dataset(spec) for spec in data]
    frames = [resize(each.load(image_id).image) for each in datasets for image_id in each.ids]
    if not frames:
        raise PedbenchError(f"{' and '.join(data)}: no image to train on, give other --data")
    return frames
