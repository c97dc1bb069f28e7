"""What a linear probe reads off one shard's tokens, without any picture.

``python -m studies.attacks.attributes --people SPEC SPEC --clothes SPEC SPEC --others SPEC SPEC``

Each pair is public photos, then photos scored, in COCO format; ``--out DIR`` keeps the table. One
attribute is whether a photo is of people: from the sets of people and of clothes, or from the
others, which differ in more than people. The rest are told apart inside one kind of photos. Among
those of people: whether persons cover 30 % of a photo, and whether dlib finds a face in the model
input. Among those of clothes: garments by COCO category. Probes see the mean and standard deviation
of the tokens of one stage, or of all together, that one shard of four holds, or one that holds
padding alone. ``shape`` is the same probe that has nothing but the photo's ratio of sides, which
every shard knows. Without any knowledge, AUC and balanced accuracy are 0.5.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from attacks.analyses.attributes import Probe, token_summary
from attacks.coalition import largest_exposure, padding_only
from bench.datasets import Dataset, Sample, open_dataset
from bench.datasets.disjoint import check_disjoint
from bench.recognition.detectors.faces import Faces
from bench.runner.models import Models
from framework.errors import PedbenchError
from framework.split.windows import WindowGrid
from studies.annotations import annotations_of
from studies.command import exit_with
from studies.scored import Scored, sent
from studies.table import write_table

PEOPLE, LARGE = "people", "people on 30 %"
FACE = "a face"
OF_PEOPLE = (LARGE, FACE)
LARGE_SHARE = 0.3
SHARD, PADDING = "one of 4", "padding alone"
SHAPE, ALL = "shape", "all"
NOT_GARMENTS = frozenset({"person", "skin", "hair"})
FEWEST = 15
"""Photos, public and scored, that must show a garment and must not, for it to be asked for."""
RESAMPLES = 1000
KINDS = ("people", "clothes", "others")


@dataclass(frozen=True)
class Photo:
    """What a shard has of one photo.

    Attributes:
        kind: of its data set, one of `KINDS`.
        shown: categories of its COCO instances; `PEOPLE`, `LARGE`, `FACE` where they hold.
        features: by who holds the tokens and by stage; `PADDING` is missing where there is none.
    """

    kind: str
    shown: frozenset[str]
    features: dict[tuple[str, str], NDArray[np.float64]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    pairs = {kind: [open_dataset(s) for s in getattr(options, kind)] for kind in KINDS}
    for _, judged in pairs.values():
        check_disjoint([own for own, _ in pairs.values()], judged)
    models = Models(options.model)
    public, scored = (
        [p for kind in KINDS for p in photos(models, pairs[kind][i].limit(options.limit), kind)]
        for i in (0, 1)
    )
    table = pd.DataFrame(probed(public, scored))
    title = f"Attributes by linear probes, {options.model}, {len(public)} public photos"
    write_table(table, "attributes", title, options.out)
    return 0


def photos(models: Models, data: Dataset, kind: str) -> Iterator[Photo]:
    """What shards have of each photo of a data set."""
    known = shown(data)
    for image_id in data.ids:
        sample = data.load(image_id)
        photo = sent(models, sample, (0, 1, 2, 3))
        own = known[image_id] | ({PEOPLE} if kind != "others" else set())
        if kind == "people" and shows_face(sample, models):
            own.add(FACE)
        yield Photo(kind, frozenset(own), summaries(photo, models))


def shown(data: Dataset) -> dict[str, set[str]]:
    """The categories of each photo's instances, and whether persons are `LARGE`, by image id.

    Raises:
        PedbenchError: the data set has no COCO file.
    """
    content = annotations_of(data)
    names = {category["id"]: category["name"] for category in content["categories"]}
    images = {image["id"]: image for image in content["images"]}
    found: dict[str, set[str]] = defaultdict(set)
    for annotation in content["annotations"]:
        image, name = images[annotation["image_id"]], names[annotation["category_id"]]
        own = found[Path(image["file_name"]).stem]
        own.add(name)
        if (
            name == "person"
            and annotation["area"] >= LARGE_SHARE * image["width"] * image["height"]
        ):
            own.add(LARGE)
    return found


def shows_face(sample: Sample, models: Models) -> bool:
    """Whether dlib finds a face in the model input."""
    arch = models.sam.arch
    frame = ResizeLongestSide(arch.img_size).apply_image(sample.image)
    return len(Faces().detect(frame, WindowGrid.of(arch, frame.shape[:2]).frame_size)) > 0


def summaries(photo: Scored, models: Models) -> dict[tuple[str, str], NDArray[np.float64]]:
    """The probes' inputs."""
    position = models.sam.runtime.positions[0].detach().cpu().numpy()
    holders = {
        SHARD: photo.seen.restrict(largest_exposure(photo.seen, 1)),
        PADDING: padding_only(photo.seen),
    }
    height, width = photo.seen.frame_size
    found = {}
    for holder, seen in holders.items():
        if seen.messages:
            stages: dict[str, list[int]] = {str(stage): [stage] for stage in seen.stages}
            stages[ALL] = list(seen.stages)
            for name, wanted in stages.items():
                found[holder, name] = token_summary(seen, wanted, position)
            found[holder, SHAPE] = np.log2([height / width])
    return found


def probed(public: Sequence[Photo], scored: Sequence[Photo]) -> Iterator[dict[str, Any]]:
    """One row per attribute, holder of the tokens and stage."""
    holders = dict.fromkeys(key for photo in public for key in photo.features)
    for holder, stage in holders:
        for attribute in (PEOPLE, *OF_PEOPLE, *garments(public, scored)):
            yield _row(public, scored, attribute, holder, stage)


def garments(public: Sequence[Photo], scored: Sequence[Photo]) -> list[str]:
    """Garments that enough photos of clothes show, and enough do not, in both sets."""
    parts = [[p.shown for p in part if p.kind == "clothes"] for part in (public, scored)]
    counts = [Counter(name for each in part for name in each) for part in parts]
    return sorted(
        name
        for name in counts[0].keys() - NOT_GARMENTS - {PEOPLE, *OF_PEOPLE}
        if all(
            FEWEST <= count[name] <= len(part) - FEWEST
            for count, part in zip(counts, parts, strict=True)
        )
    )


def _row(
    public: Sequence[Photo], scored: Sequence[Photo], attribute: str, holder: str, stage: str
) -> dict[str, Any]:
    (x, y), (test, truth) = (_examples(part, attribute, holder, stage) for part in (public, scored))
    probe = Probe.fit(x, y)
    own, scores = probe.scores(x), probe.scores(test)
    threshold = max(own, key=lambda cut: balanced_accuracy_score(y, own >= cut))
    area, low, high = auc(truth, scores)
    return {
        "attribute": attribute,
        "held by": holder,
        "stage": stage,
        "photos": len(truth),
        "share": float(truth.mean()),
        "AUC": area,
        "low": low,
        "high": high,
        "balanced accuracy": float(balanced_accuracy_score(truth, scores >= threshold)),
    }


def _examples(
    photos: Sequence[Photo], attribute: str, holder: str, stage: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    among = {PEOPLE: KINDS} | dict.fromkeys(OF_PEOPLE, ("people",))
    kinds = among.get(attribute, ("clothes",))
    wanted = [p for p in photos if p.kind in kinds and (holder, stage) in p.features]
    if not wanted:
        raise PedbenchError(f"no photo has windows for {holder}: give others")
    features = np.stack([p.features[holder, stage] for p in wanted])
    return features, np.array([attribute in p.shown for p in wanted])


def auc(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[float, float, float]:
    """Area under the curve, and its 95 % interval over photos of both kinds resampled apart."""
    rng = np.random.default_rng(0)
    kinds = [scores[truth], scores[~truth]]
    labels = np.repeat([True, False], [len(kind) for kind in kinds])
    draws = [
        roc_auc_score(labels, np.concatenate([rng.choice(kind, len(kind)) for kind in kinds]))
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(roc_auc_score(truth, scores)), float(low), float(high)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    for kind in KINDS:
        parser.add_argument(f"--{kind}", nargs=2, required=True, help=f"{kind}: public, scored")
    parser.add_argument("--limit", type=int, help="at most so many photos of a data set")
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--out", type=Path, help="write the table to this folder")
    return parser


if __name__ == "__main__":
    exit_with(main, "studies.attacks.attributes")
