"""Whether detectors of persons, and a reader, find what one of four shards was never sent.

    python -m studies.recognition.detectors --persons coco:people_dev --without coco:bsds500_val
    --limit 25

They look at each photo, at the model input, at what one shard received of it (random windows), and
at reconstructions from that. Persons are those of the data set's masks, found at IoU 0.5. Known
words are those printed in synthetic scenes. Prints recall and precision, with 95 % intervals over
photos.
"""

from __future__ import annotations

import argparse
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from attacks.base import ATTACKS, Attack, reconstruction
from attacks.threat_models.base import ThreatModel
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.training_setting import TrainingSetting
from bench.datasets import Dataset, Sample, open_dataset
from bench.datasets.disjoint import check_disjoint
from bench.datasets.synthetic import Synthetic
from bench.metrics.base import Image, Score
from bench.recognition.boxes import Boxes, as_boxes, match
from bench.recognition.detectors.detection import Detector
from bench.recognition.detectors.people import People
from bench.recognition.detectors.persons import Persons, components
from bench.recognition.text.reading import recall
from bench.recognition.text.text import Reading
from bench.report.statistics import mean_interval
from bench.runner.evaluation.recognition import as_received
from bench.runner.models import Models
from bench.spec.config import load_preset
from studies.annotations import annotations_of
from studies.command import exit_with
from studies.scored import sent
from studies.table import told, write_table

RECONSTRUCTIONS = ("push_pull", "ridge")
INPUT = "model input"
SCENES = Synthetic(64, seed=5)
"""Scenes that no attacker has seen: presets give them those of seed 0."""
# fmt: off
WITHOUT_PERSONS = [
    "102061", "103070", "105025", "106024", "108005", "108070", "108082", "109053", "12084",
    "123074", "126007", "130026", "134035", "143090", "147091", "148026", "159008", "160068",
    "16077", "163085", "167062", "167083", "175032", "175043", "182053",
]
# fmt: on
"""The first 25 photos of ``bsds500_val`` that show no person, statue or picture of one, by eye."""

Row = dict[str, Any]
Look = tuple[Boxes, Boxes]
"""True and found boxes of a photo, in parts of its sides."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    public = [open_dataset(spec) for spec in options.public]
    study = Study(Models(options.model), public, options.coalition)
    shown = [open_dataset(spec).limit(options.limit) for spec in options.persons]
    rows = [row for data in shown for row in study.persons(data, data.ids)]
    if options.without:
        rows += study.persons(open_dataset(options.without), WITHOUT_PERSONS[: options.limit])
    if rows:
        write_table(pd.DataFrame(rows), "persons", "Persons found", options.out)
    words = pd.DataFrame(study.words(SCENES, options.limit))
    write_table(words, "words", "Words read", options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--persons", nargs="*", default=[], help="photos with masks of persons")
    parser.add_argument("--without", help="coco:bsds500_val, of which photos without persons")
    parser.add_argument("--limit", type=int, default=25, help="photos of each at most")
    parser.add_argument("--coalition", type=int, default=1, help="shards of four that collude")
    parser.add_argument(
        "--public", nargs="+", default=load_preset("attacks").public, help="the attackers' photos"
    )
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--out", type=Path, help="folder for tables")
    return parser


class Study:
    """The attackers, trained once, and what recognisers make of their pictures.

    Args:
        models: the model under attack.
        public: the attackers' photos.
        coalition: how many of the four shards collude.
        reconstructions: the attackers.
    """

    def __init__(
        self,
        models: Models,
        public: Sequence[Dataset],
        coalition: int,
        reconstructions: Sequence[str] = RECONSTRUCTIONS,
    ) -> None:
        self.models = models
        self.public = public
        self.coalition = tuple(range(coalition))
        setting = TrainingSetting(threat=ThreatModel(stage=0))
        knowledge = PublicPhotos(models, public).knowledge(setting)
        self.attacks: dict[str, Attack] = {n: ATTACKS.get(n)() for n in reconstructions}
        for attack in self.attacks.values():
            attack.fit(knowledge)

    def persons(self, data: Dataset, ids: Sequence[str]) -> Iterator[Row]:
        """One row for each detector and kind of picture."""
        check_disjoint(self.public, data)
        names = person_annotations(data)
        detectors: list[Detector] = [People(), Persons()]
        looks: dict[tuple[str, str], list[Look]] = {}
        for image_id in tqdm(ids, desc=data.name, unit="photo"):
            sample = data.load(image_id)
            pictures = self.pictures(sample)
            height, width = pictures[INPUT].shape[:2]
            truth = true_boxes(sample, names)
            for picture, pixels in pictures.items():
                for detector in detectors:
                    found = detector.detect(pixels, (height, width)).boxes
                    placed = as_boxes(found / [width, height, width, height])
                    looks.setdefault((picture, detector.name), []).append((truth, placed))
        for (picture, name), looked in looks.items():
            what = {"data": data.name, "coalition": len(self.coalition), "picture": picture}
            yield what | {"detector": name, "photos": len(ids)} | _detected(looked)

    def words(self, scenes: Synthetic, limit: int) -> Iterator[Row]:
        """One row for each kind of picture, over the first scenes that hold words."""
        check_disjoint(self.public, scenes)
        samples = [scene for scene in map(scenes.load, scenes.ids) if scene.words][:limit]
        reading = Reading()
        scores: dict[str, list[tuple[Score, Score]]] = {}
        for scene in tqdm(samples, desc=scenes.name, unit="scene"):
            pictures = self.pictures(scene)
            height, width = pictures[INPUT].shape[:2]
            truth = reading.truth(scene, (height, width)).text
            for picture, pixels in pictures.items():
                read = recall(truth, reading.read(pixels, (height, width)))
                scores.setdefault(picture, []).append(read)
        ids = [scene.image_id for scene in samples]
        total = sum(len(scene.words) for scene in samples)
        for picture, found in scores.items():
            characters, words = (_interval(values, ids) for values in zip(*found, strict=True))
            yield {
                "coalition": len(self.coalition),
                "picture": picture,
                "scenes": len(ids),
                "words": total,
                "characters read": characters,
                "words read": words,
            }

    def pictures(self, sample: Sample) -> dict[str, Image]:
        """The photo, and the pictures uint8 [h, w, 3] of the size of the model input."""
        image = sent(self.models, sample, self.coalition)
        visible = image.seen.grid.pixel_mask(image.seen.visible)
        observed = image.at_stage(0, self.models.sam)
        return {
            "photo": sample.image,
            INPUT: image.frame,
            "seen": as_received(image.frame, visible),
            **{name: reconstruction(attack, observed) for name, attack in self.attacks.items()},
        }


def person_annotations(data: Dataset) -> frozenset[str]:
    """The masks of a COCO data set that are of category ``person``."""
    content = annotations_of(data)
    persons = {entry["id"] for entry in content["categories"] if entry["name"] == "person"}
    marked = (a["id"] for a in content["annotations"] if a["category_id"] in persons)
    return frozenset(map(str, marked))


def true_boxes(sample: Sample, names: frozenset[str]) -> Boxes:
    """Boxes of the persons of a photo, in parts of its sides; those who touch count as one."""
    height, width = sample.image.shape[:2]
    masks = sample.masks[[name in names for name in sample.mask_ids]]
    boxes = as_boxes([box for box, _ in components(np.asarray(masks.any(axis=0)))])
    return as_boxes(boxes / [width, height, width, height])


def _detected(looked: Sequence[Look]) -> Row:
    """Recall, precision and false alarms; chance is the recall of the photo before's boxes."""
    hits = [match(truth, found) for truth, found in looked]
    there, found = ([len(pair[side]) for pair in looked] for side in (0, 1))
    chance = [match(looked[i][0], looked[i - 1][1]) for i in range(len(looked))]
    return {
        "persons": sum(there),
        "recall": share(hits, there),
        "chance": share(chance, there),
        "precision": share(hits, found),
        "photos with false alarms": sum(n > hit for n, hit in zip(found, hits, strict=True)),
    }


def share(parts: Sequence[int], wholes: Sequence[int]) -> str:
    """Sum over sum, as text with its interval over photos."""
    values = [v for p, w in zip(parts, wholes, strict=True) for v in [1] * p + [0] * (w - p)]
    return _interval(values, [i for i, whole in enumerate(wholes) for _ in range(whole)])


def _interval(values: Sequence[Score], clusters: Sequence[Hashable]) -> str:
    return told(mean_interval(np.array(values, float), clusters), 2) if len(values) else "none"


if __name__ == "__main__":
    exit_with(main, "studies.recognition.detectors")
