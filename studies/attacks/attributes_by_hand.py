"""What a linear probe reads off one shard's tokens, for attributes that were labelled by hand.

``python -m studies.attacks.attributes_by_hand --folder DIR [--model NAME] [--out DIR]``

``attribute_labels.csv`` says, by one person's look at thumbnails, which photos of ``people_dev``
are taken indoors and which show several persons, and which of BSDS500 show a person. Photos that
were not clear are left out. Unlike in `studies.attacks.attributes`, photos with and without an
attribute are of one data set, and the probe learns from the others of it: five folds, so the
attacker is one who has photos like those attacked. Inputs and holders are the same as there.
``--folder`` holds the data sets, each with ``images/`` and ``instances.json``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from tqdm import tqdm

from attacks.analyses.attributes import FOLDS, Probe
from bench.datasets import open_dataset
from bench.runner.models import Models
from studies.attacks.attributes import auc, summaries
from studies.command import exit_with
from studies.scored import sent
from studies.table import write_table

LABELS = Path(__file__).with_name("attribute_labels.csv")

Features = dict[tuple[str, str], NDArray[np.float64]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    models = Models(options.model)
    labels = pd.read_csv(LABELS, dtype={"image": str})
    known = {name: features(models, options.folder / name, part) for name, part in _sets(labels)}
    rows: list[dict[str, Any]] = []
    for attribute, part in labels.groupby("attribute", sort=False):
        shards = [
            known[name][image] for name, image in zip(part["data"], part["image"], strict=True)
        ]
        rows += probed(str(attribute), shards, part["shown"].to_numpy(bool))
    title = f"Attributes labelled by hand, by linear probes, {options.model}, {FOLDS} folds"
    write_table(pd.DataFrame(rows), "attributes_by_hand", title, options.out)
    return 0


def features(models: Models, folder: Path, labels: pd.DataFrame) -> dict[str, Features]:
    """The probes' inputs for each labelled photo of a data set, by image id."""
    data = open_dataset(f"coco:{folder}")
    images = labels["image"].unique()
    return {
        image: summaries(sent(models, data.load(image), (0, 1, 2, 3)), models)
        for image in tqdm(images, desc=folder.name, unit="photo")
    }


def probed(
    attribute: str, shards: Sequence[Features], shown: NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    """One row per holder of the tokens and stage."""
    for holder, stage in dict.fromkeys(key for shard in shards for key in shard):
        held = np.array([(holder, stage) in shard for shard in shards])
        inputs = np.stack([shard[holder, stage] for shard in shards if (holder, stage) in shard])
        truth = shown[held]
        area, low, high = auc(truth, out_of_fold(inputs, truth))
        yield {
            "attribute": attribute,
            "holder": holder,
            "stage": stage,
            "photos": len(truth),
            "share": float(truth.mean()),
            "AUC": area,
            "low": low,
            "high": high,
        }


def out_of_fold(inputs: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores [photos] by probes of the other folds, each probe's in units of its spread."""
    scores = np.zeros(len(truth))
    for own, left in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(inputs, truth):
        probe = Probe.fit(inputs[own], truth[own])
        known = probe.scores(inputs[own])
        scores[left] = (probe.scores(inputs[left]) - known.mean()) / max(known.std(), 1e-9)
    return scores


def _sets(labels: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for name, part in labels.groupby("data", sort=False):
        yield str(name), part


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of the data sets")
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--out", type=Path, help="write the table to this folder")
    return parser


if __name__ == "__main__":
    exit_with(main, "studies.attacks.attributes_by_hand")
