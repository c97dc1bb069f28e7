"""Leakage of a run: each attack, the worst case over attacks, and both against the floors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.metrics import METRICS
from bench.report.data import CEILING, CELL, EARLIEST, FLOOR, PIPELINE, RunData, no_rows
from bench.report.statistics import Interval, mean_interval, named, worst_case

CONTROLS = (FLOOR, CEILING)
SCORED = [*CELL, "region", "metric"]
ATTACK = ["attack", "attack_kind"]


def higher_is_worse(metric: str) -> bool:
    """Whether a higher value of ``metric`` means more leakage."""
    return METRICS.get(metric).higher_is_worse


def known_metrics(leakage: pd.DataFrame) -> pd.DataFrame:
    """The rows of metrics that this installation knows, so that their direction is known."""
    return leakage[leakage["metric"].isin(METRICS.names())]


def adaptive(leakage: pd.DataFrame, wanted: bool = True) -> pd.DataFrame:
    """Rows of adaptive attackers, or of those that were trained without the defence.

    The second has rows only for cells where some attack was trained both ways; attacks that need
    no training are the same for both.
    """
    if wanted:
        return leakage[leakage["adaptive"].fillna(True).astype(bool)]
    plain = leakage[~leakage["adaptive"].fillna(True).astype(bool)]
    twice = plain[[*CELL, "attack"]].drop_duplicates()
    marked = leakage.merge(twice, on=[*CELL, "attack"], how="left", indicator="trained_twice")
    untrained = leakage[(marked["trained_twice"] == "left_only").to_numpy()]
    untrained = untrained.merge(twice[CELL].drop_duplicates(), on=CELL)
    return pd.concat([plain, untrained], ignore_index=True)


def plain(leakage: pd.DataFrame) -> pd.DataFrame:
    """The rows without a defence, in float32, of attackers that look at every stage.

    Where nothing was measured in float32, every payload.
    """
    rows = leakage[(leakage["stage"] == EARLIEST) & (leakage["defence"] == "none")]
    exact = rows[rows["payload"] == "float32"]
    return rows if exact.empty else exact


@lru_cache(maxsize=4)
def attack_scores(run: RunData) -> pd.DataFrame:
    """`attack_summary` of the adaptive attackers in every cell of a run."""
    return attack_summary(adaptive(run.leakage))


@lru_cache(maxsize=4)
def oracle_scores(run: RunData) -> pd.DataFrame:
    """`oracle_summary` of the adaptive attackers in every cell of a run."""
    return oracle_summary(adaptive(run.leakage))


def attack_summary(
    leakage: pd.DataFrame, own: Callable[[str], str | None] | None = None
) -> pd.DataFrame:
    """One row per cell, attack, region and metric: mean, and gain over a floor, image by image.

    A gain is positive where the attack leaks more than the floor, which ``against`` names.

    Args:
        own: names the floor that an attack is compared with (see `attacks.controls.matching`) where
            that was scored; else it is the floor that leaks most on average in that cell, region
            and metric.
    """
    rows = []
    for table in image_tables(leakage):
        strongest = table.strongest_floor()
        for attack, kind, values in zip(table.attacks, table.kinds, table.scores, strict=True):
            mine = table.place(own(attack)) if own else None
            place = strongest if mine is None else mine
            row = {**table.keys, "attack": attack, "attack_kind": kind}
            row["against"] = None if place is None else table.attacks[place]
            floor = None if place is None else table.scores[place]
            rows.append(row | gain_over(values, floor, table.worse))
    return pd.DataFrame(rows) if rows else no_rows([*SCORED, *ATTACK])


def oracle_summary(leakage: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, region and metric: the worst case over attacks against that over floors.

    Per image the attack that leaks most, then the mean: no attacker knows which one that is, so
    it is an oracle bound; the floors are treated alike. ``mean`` is the worst case, ``floor`` the
    best of the floors, ``gain`` their paired difference (positive: the attacks leak more).
    """
    rows = []
    for table in image_tables(leakage):
        real, floors = table.of(CONTROLS, False), table.of((FLOOR,))
        if not len(real):
            continue
        ceilings = table.of((CEILING,))
        floor = worst_case(floors, table.worse) if len(floors) else None
        ceiling = worst_case(ceilings, table.worse) if len(ceilings) else np.array([np.nan])
        row = {**table.keys, "attacks": len(real), "floors": len(floors)}
        row |= gain_over(worst_case(real, table.worse), floor, table.worse)
        row["ceiling"] = _mean(ceiling)
        rows.append(row)
    return pd.DataFrame(rows) if rows else no_rows(SCORED)


@lru_cache(maxsize=4)
def visible_fractions(run: RunData) -> pd.DataFrame:
    """Mean exposure per pipeline and coalition, with the interval of ``visible_fraction``."""
    keys = [*PIPELINE, "coalition", "coalition_choice"]
    rows = []
    for values, images in run.exposure.groupby(keys, dropna=False, sort=False):
        row: dict[str, Any] = dict(zip(keys, values, strict=True))
        known = images.dropna(subset=["visible_fraction"])
        interval = None
        if not known.empty:
            seen = known["visible_fraction"].to_numpy(float)
            interval = mean_interval(seen, list(known["image_id"]))
        row |= named("visible_fraction", interval)
        for metric in ("object_max_fraction", "objects_half_seen"):
            row[metric] = float(images[metric].mean()) if metric in images else None
        rows.append(row)
    return pd.DataFrame(rows) if rows else no_rows([*keys, "visible_fraction"])


@dataclass(frozen=True)
class ImageTable:
    """What every attack scored in one cell, region and metric.

    Attributes:
        keys: values of `SCORED`.
        attacks, kinds: one a row.
        scores: [attacks, images]; NaN where an attack has no score.
        images: names of the images.
    """

    keys: dict[str, Any]
    attacks: list[str]
    kinds: list[str]
    scores: NDArray[np.float64]
    images: list[str]

    @property
    def worse(self) -> bool:
        """Whether a higher score means more leakage."""
        return higher_is_worse(self.keys["metric"])

    def of(self, kinds: Sequence[str], wanted: bool = True) -> NDArray[np.float64]:
        """Scores of the attacks of these kinds, or of all others."""
        return self.scores[[(kind in kinds) == wanted for kind in self.kinds]]

    def place(self, attack: str | None) -> int | None:
        """The row of an attack; ``None`` where it is not there."""
        return self.attacks.index(attack) if attack in self.attacks else None

    def strongest_floor(self) -> int | None:
        """The row of the floor that leaks most on average; ``None`` without any score of one."""
        sign = 1 if self.worse else -1
        floors = [
            (sign * float(np.nanmean(row)), -place)
            for place, (kind, row) in enumerate(zip(self.kinds, self.scores, strict=True))
            if kind == FLOOR and not np.isnan(row).all()
        ]
        return -max(floors)[1] if floors else None


def image_tables(leakage: pd.DataFrame) -> Iterator[ImageTable]:
    """The scores of every cell, region and metric whose direction is known here."""
    known = known_metrics(leakage)
    if known.empty:
        return
    keys = [*SCORED, *ATTACK]
    table = known.pivot(index=keys, columns="image_id", values="value").reset_index()
    images = table.drop(columns=keys)
    scores = images.to_numpy(float)
    attacks, kinds = (table[name].fillna("").to_numpy(object) for name in ATTACK)
    groups: Any = table[SCORED].groupby(SCORED, dropna=False, sort=False)
    for values, places in groups.indices.items():
        here = scores[places]
        scored = ~np.isnan(here).all(axis=0)
        cell = dict(zip(SCORED, values, strict=True))
        names = list(images.columns[scored])
        yield ImageTable(cell, list(attacks[places]), list(kinds[places]), here[:, scored], names)


def gain_over(
    scores: NDArray[np.float64], floor: NDArray[np.float64] | None, worse: bool
) -> dict[str, Any]:
    """Mean of scores [images], and their gain over a floor on the images that both have."""
    known = ~np.isnan(scores)
    row: dict[str, Any] = {"images": int(known.sum())}
    row |= named("mean", _interval(scores[known]))
    if floor is None:
        return row | {"floor": None} | named("gain", None)
    both = known & ~np.isnan(floor)
    difference = scores[both] - floor[both] if worse else floor[both] - scores[both]
    return row | {"floor": _mean(floor[both])} | named("gain", _interval(difference))


def _interval(values: NDArray[np.float64]) -> Interval | None:
    """The mean over images, each its own cluster; of differences, the paired gain."""
    return mean_interval(values, range(len(values))) if len(values) else None


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
