"""Whether the time that a picture takes tells which picture it is.

``python -m studies.attacks.timing --data coco:FOLDER [--photos N] [--repeats N] [--out DIR]``

Encodes photos of one shape again and again, in random order, and times what a shard can time: how
long its own part of each round takes, and how long the edge lets it wait between rounds. Everything
runs in one process, so that no network hides anything. An attacker who has timed each photo before
says which of them the next picture is, by linear discriminants of the logarithms of all times, each
repeat left out in turn. Accuracy is set beside chance, and beside the same on shuffled labels; the
variance between photos is a share of all variance, beside its value on shuffled labels.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from tqdm import tqdm

from bench.datasets import Dataset, Sample, open_dataset
from framework import DistributedSamPredictor, LocalShards, build_sam
from framework.errors import PedbenchError
from framework.split.payload import Payload
from studies.command import exit_with
from studies.table import write_table

SHUFFLES = 20
Times = NDArray[np.float64]


class TimedShards(LocalShards):
    """Shards in this process that note when each round began and ended.

    Attributes:
        clock: seconds, two for each round of the pictures so far.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.clock: list[float] = []

    def exchange(self, *arguments: object, **others: object) -> list[Payload]:
        self.clock.append(perf_counter())
        try:
            return super().exchange(*arguments, **others)  # type: ignore[arg-type]
        finally:
            self.clock.append(perf_counter())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    photos = of_one_shape(open_dataset(options.data), options.photos)
    times, which, repeats = timed(photos, options.model, options.shards, options.repeats)
    table = pd.DataFrame(rows(times, which, repeats))
    title = f"Timing, {options.model}, {len(photos)} photos of one shape, {options.repeats} times"
    write_table(table, "timing", title, options.out)
    return 0


def of_one_shape(data: Dataset, most: int) -> list[Sample]:
    """The first photos of the commonest shape.

    Raises:
        PedbenchError: no two have one shape.
    """
    shapes: dict[tuple[int, ...], list[Sample]] = defaultdict(list)
    for image_id in data.ids:
        sample = data.load(image_id)
        shapes[sample.image.shape].append(sample)
    largest = max(shapes.values(), key=len)[:most]
    if len(largest) < 2:
        raise PedbenchError(f"no two photos of {data.name} have one shape: give other photos")
    return largest


def timed(
    photos: Sequence[Sample], model: str, shards: int, repeats: int
) -> tuple[Times, NDArray[np.int64], NDArray[np.int64]]:
    """Milliseconds of shards and edge by turns, [pictures, times]; photo and repeat of each."""
    sam, rng = build_sam(model), np.random.default_rng(0)
    found = []
    for repeat in tqdm(range(-1, repeats), unit="repeat"):
        for number in rng.permutation(len(photos)):
            servers = TimedShards(shards)
            predictor = DistributedSamPredictor(sam, servers, policy="strided", seed=0)
            predictor.set_image(photos[number].image)
            if repeat >= 0:
                found.append((number, repeat, 1e3 * np.diff(servers.clock)))
    which, turns, times = zip(*found, strict=True)
    return np.array(times), np.array(which), np.array(turns)


def rows(
    times: Times, which: NDArray[np.int64], repeats: NDArray[np.int64]
) -> Iterator[dict[str, object]]:
    """What shards' times, the edge's, and both tell of the photo."""
    rng = np.random.default_rng(1)
    shuffled = [_within(which, repeats, rng) for _ in range(SHUFFLES)]
    parts = {"shards": times[:, ::2], "edge": times[:, 1::2], "both": times}
    for name, part in parts.items():
        logs = np.log(part)
        right = [_accuracy(logs, labels, repeats) for labels in (which, *shuffled)]
        share = [_between(logs, labels) for labels in (which, *shuffled)]
        yield {
            "times of": name,
            "milliseconds": part.sum(axis=1).mean(),
            "photo named": right[0],
            "by chance": 1 / len(set(which.tolist())),
            "shuffled, 95 %": np.quantile(right[1:], 0.95),
            "variance between photos": share[0],
            "shuffled, 95 % ": np.quantile(share[1:], 0.95),
        }


def _accuracy(times: Times, which: NDArray[np.int64], repeats: NDArray[np.int64]) -> float:
    attacker = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    scores = cross_val_score(attacker, times, which, groups=repeats, cv=LeaveOneGroupOut())
    return float(scores.mean())


def _between(times: Times, which: NDArray[np.int64]) -> float:
    """Share of the variance of the total time that lies between photos."""
    total = times.sum(axis=1)
    means = np.array([total[which == number].mean() for number in which])
    return float(means.var() / total.var())


def _within(
    which: NDArray[np.int64], repeats: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Labels shuffled within each repeat."""
    mixed = which.copy()
    for repeat in set(repeats.tolist()):
        mixed[repeats == repeat] = rng.permutation(which[repeats == repeat])
    return mixed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="embedded", help="photos")
    parser.add_argument("--photos", type=int, default=10, help="at most so many")
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--shards", type=int, default=4, help="number of shards")
    parser.add_argument("--repeats", type=int, default=30, help="of each photo")
    parser.add_argument("--out", type=Path, help="folder for timing.csv and .md")
    return parser


if __name__ == "__main__":
    exit_with(main, "studies.attacks.timing")
