"""`pedbench data`: look at a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.flags.arguments import add_photo_flags, positive_int
from framework.errors import PedbenchError

if TYPE_CHECKING:
    from bench.datasets import Dataset

DRAW_ELSEWHERE = "free space there, or give another --draw"


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("data", help="list a data set's images and draw its masks")
    parser.add_argument(
        "data",
        nargs="?",
        default="embedded",
        help="open this data set, e.g. coco:DIR (default: embedded)",
    )
    parser.add_argument("--images", help="read the images of a coco: data set from this folder")
    parser.add_argument("--annotations", help="read the masks of a coco: data set from this file")
    parser.add_argument(
        "--limit", type=positive_int, metavar="N", help="list only the first N images"
    )
    parser.add_argument(
        "--draw",
        type=Path,
        metavar="DIR",
        help="draw the masks over each photo and write them here",
    )
    parser.add_argument(
        "--croissant",
        type=Path,
        metavar="FILE",
        help="write Croissant metadata with the responsible-AI fields to this file instead",
    )
    add_photo_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from tqdm import tqdm

    from bench.datasets import SampleError, open_dataset
    from bench.file_names import file_name
    from bench.runner.evaluation.pictures import encoded, overlay
    from framework.files.writing import make_folder, write_file

    dataset = open_dataset(args.data, images=args.images, annotations=args.annotations)
    if args.croissant:
        if args.draw:
            raise PedbenchError("--croissant and --draw are both given: leave one out")
        return _describe(dataset.limit(args.limit), args.croissant)
    ids = dataset.ids[: args.limit]
    if args.draw:
        make_folder(args.draw, "give another --draw")
    masks = unreadable = 0
    for image_id in tqdm(ids, desc=dataset.name, unit="image"):
        try:
            sample = dataset.load(image_id)
        except SampleError as error:
            unreadable += 1
            tqdm.write(f"{image_id}: {error}")
            continue
        height, width = sample.image.shape[:2]
        masks += len(sample.masks)
        tqdm.write(f"{image_id}: {width}×{height}, {len(sample.masks)} masks")
        if args.draw:
            path = args.draw / f"{file_name(image_id)}.png"
            write_file(path, encoded(overlay(sample.image, sample.masks), path), DRAW_ELSEWHERE)
    print(
        f"{dataset.name}: {len(ids)} images, {masks} masks, {unreadable} unreadable, "
        f"fingerprint {dataset.fingerprint}"
    )
    return 0


def _describe(dataset: Dataset, path: Path) -> int:
    """Write a data set's metadata, and say which facts its makers do not tell."""
    from bench.datasets.description.croissant import croissant, to_text
    from framework.files.writing import write_file

    print(write_file(path, to_text(croissant(dataset))))
    untold = dataset.about.untold
    if untold:
        print(f"not told, see docs/data.md: {', '.join(untold)}")
    return 0
