"""Which garments and cars a detector finds in what some of four shards were sent.

    python -m studies.recognition.garments_and_cars --clothes coco:clothes_val --street
    coco:street_train

The recognisers `garments` and `cars` look at each photo's model input, at what one shard and two
received of it (random windows), and at reconstructions from that. True boxes are those of the
masks, found at IoU 0.5 with the right class. Photos that trained a detector, or look like one that
did, are left out. Prints recall and precision, with 95 % intervals over photos; chance is the
recall of the boxes found in the photo before.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from bench.datasets import Dataset, open_dataset
from bench.datasets.disjoint import check_disjoint, check_unseen
from bench.metrics.base import Image
from bench.recognition.boxes import Boxes, as_boxes, match
from bench.recognition.detectors.box_detector import BoxDetector
from bench.recognition.detectors.cars import Cars
from bench.recognition.detectors.garments import CATEGORIES, Garments
from bench.runner.models import Models
from bench.spec.config import load_preset
from framework.errors import PedbenchError
from studies.command import exit_with
from studies.recognition.detection_data import Categories, labelled
from studies.recognition.detectors import INPUT, Study, share
from studies.recognition.train_detector import CARS, SCORED, held_out
from studies.table import write_table

RECONSTRUCTIONS = ("push_pull", "ridge", "gated_inpainting_lpips")
COALITIONS = (1, 2)
ALL = "all"

Row = dict[str, Any]


class Objects(NamedTuple):
    """Boxes in parts of a picture's sides, [n, 4], and their labels [n]."""

    boxes: Boxes
    labels: NDArray[np.int64]

    def of(self, label: int | None) -> Boxes:
        """Those of one class; all when None."""
        return self.boxes if label is None else self.boxes[self.labels == label]


Look = tuple[Objects, Objects]
"""What a photo shows, and what was found in a picture of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if not (options.clothes or options.street):
        raise PedbenchError("nothing to look at: give --clothes, --street or both")
    public = [open_dataset(spec) for spec in options.public]
    study = Study(Models(options.model), public, 1, RECONSTRUCTIONS)
    rows: list[Row] = []
    if options.clothes:
        data = open_dataset(options.clothes)
        rows += detected(study, Garments(), data, unseen(data)[: options.limit], CATEGORIES)
    if options.street:
        data = open_dataset(options.street)
        ids = held_out(data)[:SCORED][: options.limit]
        rows += detected(study, Cars(), data, ids, CARS)
    table = pd.DataFrame(rows)
    write_table(table, "garments_and_cars", "Garments and cars found", options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clothes", help="coco:clothes_val")
    parser.add_argument("--street", help="coco:street_train, of which the frames held out")
    parser.add_argument("--limit", type=int, default=25, help="photos of each at most")
    parser.add_argument(
        "--public", nargs="+", default=load_preset("attacks").public, help="the attackers' photos"
    )
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--out", type=Path, help="folder for tables")
    return parser


def unseen(data: Dataset) -> list[str]:
    """The photos that do not look like one that trained a detector."""
    return [name for name in data.ids if not Garments.trained_with(data.load(name).image)]


def detected(
    study: Study, detector: BoxDetector, data: Dataset, ids: Sequence[str], classes: Categories
) -> Iterator[Row]:
    """One row for each coalition, kind of picture and class."""
    check_disjoint(study.public, data)
    check_unseen(study.attacks, data)
    if reason := detector.available():
        raise PedbenchError(reason)
    looks: dict[tuple[int, str], list[Look]] = defaultdict(list)
    photos = labelled(data, ids, classes, whole=isinstance(detector, Garments))
    for image_id, photo in zip(tqdm(ids, desc=data.name, unit="photo"), photos, strict=True):
        truth = Objects(photo.boxes, photo.labels)
        for size in COALITIONS:
            study.coalition = tuple(range(size))
            for picture, pixels in study.pictures(data.load(image_id)).items():
                if picture != "photo" and (picture != INPUT or size == COALITIONS[0]):
                    looks[size, picture].append((truth, found(detector, pixels)))
    for (size, picture), looked in looks.items():
        what = {"data": data.name, "coalition": size, "picture": picture, "photos": len(ids)}
        each = list(enumerate(detector.classes))
        for label, name in each if len(each) == 1 else [(None, ALL), *each]:
            yield what | {"class": name} | scores(looked, label)


def found(detector: BoxDetector, picture: Image) -> Objects:
    """What a detector finds in a picture uint8 [h, w, 3]."""
    height, width = picture.shape[:2]
    there = detector.detect(picture, (height, width))
    return Objects(as_boxes(there.boxes / [width, height, width, height]), there.labels)


def scores(looks: Sequence[Look], label: int | None) -> Row:
    """Recall and precision of one class, or of all together."""
    before = [(looks[i][0], looks[i - 1][1]) for i in range(len(looks))]
    hits, chance = ([matched(*pair, label) for pair in pairs] for pairs in (looks, before))
    there, given = ([len(pair[side].of(label)) for pair in looks] for side in (0, 1))
    return {
        "objects": sum(there),
        "recall": share(hits, there),
        "chance": share(chance, there),
        "precision": share(hits, given),
        "found": sum(given),
    }


def matched(truth: Objects, there: Objects, label: int | None) -> int:
    """How many true objects of a class, or of all, are found with the right class."""
    if label is not None:
        return match(truth.of(label), there.of(label))
    return match(truth.boxes, there.boxes, truth.labels[:, None] == there.labels[None])


if __name__ == "__main__":
    exit_with(main, "studies.recognition.garments_and_cars")
