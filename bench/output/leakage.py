"""Leakage of a run: each attack, the worst case over attacks, and both against the floors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.metrics import METRICS
from bench.output.rundata import CEILING, CELL, EARLIEST, FLOOR, PIPELINE, RunData, no_rows
from bench.output.segmentation import named
from bench.statistics import Interval, mean_interval, worst_case

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
    """Rows of the adaptive attacker, or of the one who trained without the defence.

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


def attack_summary(leakage: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, attack, region and metric: mean, and gain over the strongest floor.

    The strongest floor is the one that leaks most on average in that cell, region and metric. A
    gain is positive where the attack leaks more than it, image by image.
    """
    rows = []
    for keys, attacks, scores in _image_tables(leakage):
        worse = higher_is_worse(keys["metric"])
        floors = scores[attacks["attack_kind"] == FLOOR]
        floor = _strongest(floors, worse)
        for (_, attack), values in zip(attacks.iterrows(), scores, strict=True):
            rows.append({**keys, **attack, **_gain(values, floor, worse)})
    return pd.DataFrame(rows) if rows else no_rows([*SCORED, *ATTACK])


def oracle_summary(leakage: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, region and metric: the worst case over attacks against that over floors.

    Per image the attack that leaks most, then the mean: no attacker knows which one that is, so
    it is an oracle bound; the floors are treated alike. ``mean`` is the worst case, ``floor`` the
    best of the floors, ``gain`` their paired difference (positive: the attacks leak more).
    """
    rows = []
    for keys, names, scores in _image_tables(leakage):
        real = ~names["attack_kind"].isin(CONTROLS)
        if not real.any():
            continue
        worse = higher_is_worse(keys["metric"])
        floors = scores[names["attack_kind"] == FLOOR]
        ceilings = scores[names["attack_kind"] == CEILING]
        floor = worst_case(floors, worse) if len(floors) else None
        ceiling = worst_case(ceilings, worse) if len(ceilings) else np.array([np.nan])
        row = {**keys, "attacks": int(real.sum()), "floors": len(floors)}
        row |= _gain(worst_case(scores[real], worse), floor, worse)
        row["ceiling"] = _mean(ceiling)
        rows.append(row)
    return pd.DataFrame(rows) if rows else no_rows(SCORED)


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


def _image_tables(
    leakage: pd.DataFrame,
) -> Iterator[tuple[dict[str, Any], pd.DataFrame, NDArray[np.float64]]]:
    """Per cell, region and metric: the attacks, and their scores [attacks, images]."""
    known = known_metrics(leakage)
    if known.empty:
        return
    keys = [*SCORED, *ATTACK]
    table = known.pivot(index=keys, columns="image_id", values="value").reset_index()
    scores = table.drop(columns=keys).to_numpy(float)
    names = table[keys]
    groups: Any = names.groupby(SCORED, dropna=False, sort=False)
    for values, places in groups.indices.items():
        here = scores[places]
        scored = ~np.isnan(here).all(axis=0)
        attacks = names.iloc[places][ATTACK].reset_index(drop=True)
        yield dict(zip(SCORED, values, strict=True)), attacks, here[:, scored]


def _strongest(floors: NDArray[np.float64], worse: bool) -> NDArray[np.float64] | None:
    """The floor [images] that leaks most on average; floors without any score are left out."""
    scored = [floor for floor in floors if not np.isnan(floor).all()]
    if not scored:
        return None
    return (max if worse else min)(scored, key=lambda floor: float(np.nanmean(floor)))


def _gain(
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
