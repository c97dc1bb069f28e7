"""Which pairs of kept reconstructions people are asked about."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice, zip_longest
from typing import Any

import pandas as pd

from bench.cache.fingerprints import content_digest
from bench.report.aggregate.leakage import adaptive
from bench.report.data import CEILING, CELL, RunData
from bench.spec.cells import BARE
from framework.errors import PedbenchError

SETTING = [*CELL, "image_id"]
"""Both pictures of a pair agree in these, and so do their hidden regions."""
PICTURE = ["image_file", "attack", "seed"]


@dataclass(frozen=True)
class Pair:
    """Two reconstructions of one photo as the same coalition could make them, in random order.

    Attributes:
        image_id: of the photo.
        left, right: files of the pictures, in the run folder.
        left_attack, right_attack: what made them.
    """

    image_id: str
    left: str
    right: str
    left_attack: str
    right_attack: str


def chosen_pairs(run: RunData, count: int, seed: int) -> list[Pair]:
    """``count`` pairs in random order, photos in equal parts; all there are where fewer.

    Raises:
        PedbenchError: the run kept no two reconstructions of one photo.
    """
    rng = random.Random(seed)
    of_photos = [list(_pairs(rows, rng)) for _, rows in _kept(run).groupby("image_id", sort=True)]
    for pairs in of_photos:
        rng.shuffle(pairs)
    rounds = (pair for some in zip_longest(*of_photos) for pair in some if pair is not None)
    pairs = list(islice(rounds, count))
    if not pairs:
        raise PedbenchError(
            f"{run.folder} kept no two reconstructions of one photo: run it with --save-images"
        )
    rng.shuffle(pairs)
    return pairs


def survey_id(run: RunData, pairs: list[Pair]) -> str:
    """A short name of these questions on these photos; people's answers do not change it."""
    facts = [run.fact(name) for name in ("dataset_fingerprint", "weights", "commit")]
    return content_digest(facts, [vars(pair) for pair in pairs])[:12]


def _kept(run: RunData) -> pd.DataFrame:
    """One row per reconstruction that is there, ceilings aside."""
    rows = adaptive(run.scores)
    rows = rows[rows["image_file"].notna() & ~rows["attack"].isin(["", *BARE])]
    rows = rows[rows["attack_kind"] != CEILING]
    rows = rows[[*SETTING, *PICTURE]].drop_duplicates("image_file")
    there = rows["image_file"].map(lambda file: (run.folder / str(file)).is_file()).astype(bool)
    return rows[there].sort_values("image_file")


def _pairs(rows: pd.DataFrame, rng: random.Random) -> Iterator[Pair]:
    for _, group in rows.groupby(SETTING, dropna=False, sort=True):
        for pair in combinations(group.to_dict("records"), 2):
            yield _ordered(pair, rng)


def _ordered(pair: tuple[Mapping[Any, Any], ...], rng: random.Random) -> Pair:
    left, right = rng.sample(pair, 2)
    return Pair(
        str(left["image_id"]),
        str(left["image_file"]),
        str(right["image_file"]),
        str(left["attack"]),
        str(right["attack"]),
    )
