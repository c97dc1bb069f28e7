"""What each way of aligning two models' tokens is worth to an attacker who cannot query.

``python -m studies.attacks.alignment --data SPEC [--limit N] [--public SPEC...] [--photos 4 64]``

`substitute_ridge` learns from the public model and reads what one of four shards received of the
target. Each way moves the target's tokens first, by itself: nothing chooses among them. So a row
shows what the way does, where an attack would have the best of two or three. PSNR in the windows
received, paired gain over tokens left where they lie, seeds averaged.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from attacks.query_free.substitute import Substituted
from attacks.solvers.alignment import STAY, Way, by_moments, standardise, transport
from attacks.solvers.discriminator import fool_discriminator
from attacks.solvers.mean_discrepancy import match_kernels
from attacks.threat_models.base import THREATS
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.training_setting import TrainingSetting
from bench.report.statistics import mean_interval, paired_gain
from bench.runner.models import Models
from studies.command import exit_with
from studies.scored import Scored, add_photo_flags, open_photos, scored_photos, visible_psnr
from studies.table import told, write_table

COALITION = (0,)
RATES = (1e-5, 1e-4, 1e-3)
"""Of the map that plays against the discriminator; the second is the attack's."""


def game(rate: float) -> Callable[[int], Way]:
    """The game at a rate, by seed."""
    return lambda seed: partial(fool_discriminator, seed=seed, rate=rate)


WAYS: dict[str, Callable[[int], Way]] = {
    "none": lambda seed: STAY,
    "mean and deviation": lambda seed: by_moments(standardise),
    "optimal transport": lambda seed: by_moments(transport),
    "kernel means": lambda seed: partial(match_kernels, seed=seed),
    **{f"discriminator, rate {rate:g}": game(rate) for rate in RATES},
}


class OneWay(Substituted):
    """`substitute_ridge` with one way of moving tokens, taken whatever comes of it."""

    name = "one_way"

    def __init__(self, way: Way) -> None:
        super().__init__()
        self.way = way

    def ways(self) -> Sequence[Way]:
        return (self.way,)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    public, data = open_photos(options)
    models = Models(options.model)
    scored = scored_photos(models, data, COALITION)
    scores = list(_scores(models, PublicPhotos(models, public), scored, options))
    title = f"{len(scored)} photos of {data.name}, target {options.model}, dB in received windows"
    write_table(_table(scores), "alignment", title, options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_photo_flags(parser)
    parser.add_argument("--stages", type=int, nargs="+", default=[0, 4], help="blocks run before")
    parser.add_argument("--photos", type=int, nargs="+", default=[4, 64], help="the attacker's own")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the descents")
    parser.add_argument("--out", type=Path, help="folder of the table")
    return parser


Row = tuple[int, int, str, NDArray[np.float64], list[str]]
"""Stage, own photos, way, PSNR of each photo, their names."""


def _scores(
    models: Models, photos: PublicPhotos, scored: Sequence[Scored], options: argparse.Namespace
) -> Iterator[Row]:
    names = [image.image_id for image in scored]
    settings = [(s, n, way) for s in options.stages for n in options.photos for way in WAYS]
    for stage, count, name in tqdm(settings, unit=" ways"):
        threat = replace(THREATS.get("query_free"), stage=stage, public_photos=count)
        knowledge = photos.knowledge(TrainingSetting(threat=threat))
        found = []
        for seed in options.seeds:
            attack = OneWay(WAYS[name](seed))
            attack.seed = seed
            attack.fit(knowledge)
            found.append([visible_psnr(models, attack, image, stage) for image in scored])
        yield stage, count, name, np.mean(found, axis=0), names


def _table(scores: Sequence[Row]) -> pd.DataFrame:
    stays = {(stage, count): own for stage, count, name, own, _ in scores if name == "none"}
    return pd.DataFrame(
        {
            "stage": stage,
            "own photos": count,
            "moved by": name,
            "PSNR": told(mean_interval(own, names), 1),
            "gain over none": told(paired_gain(own, stays[stage, count], names), 1, "+"),
        }
        for stage, count, name, own, names in scores
    )


if __name__ == "__main__":
    exit_with(main, "studies.attacks.alignment")
