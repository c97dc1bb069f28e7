"""Defences compared at equal utility: leakage at a stated loss of mIoU, and hypervolume.

Comparing defences at whatever strength was tried rewards those that cost most. So each defence's
settings are joined to a line from the undefended one on, and leakage is read off it where a
stated share of mIoU is lost (after PMLR 258:613, AISTATS 2025).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.report.aggregate.curves import CURVE, comparable, knob, order
from bench.report.aggregate.leakage import CONTROLS, ImageTable, adaptive, image_tables
from bench.report.aggregate.segmentation import mask_counts
from bench.report.data import EARLIEST, FLOOR, PIPELINE, RunData
from bench.report.statistics import (
    LEVEL,
    TEST_RESAMPLES,
    cluster_draws,
    holm,
    two_sided,
    worst_case,
)

LOSSES = (0.01, 0.02, 0.05)
"""Shares of the undefended mIoU that a user may be ready to lose."""
RANKED_AT = 0.02
UTILITY = "miou_box"
ROUNDING = 1e-9
"""Leakage that differs by less is the same, computed in another order."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ladder:
    """One defence from no strength to its largest, in one region and metric.

    Attributes:
        keys: values of `CURVE`, ``region`` and ``metric``.
        knob: what grows: a defence, or the payload's precision.
        images: names.
        utility: [settings, images]; the first setting is the undefended one.
        leakage: of the strongest attack for each image, oriented so that more is worse; as above.
        floor: of the strongest floor in the undefended setting, [images]; NaN without any.
        masks: number of masks of each image, by which its utility is weighed.
        sign: 1 where a higher score leaks more, else -1.
    """

    keys: dict[str, Any]
    knob: str
    images: list[str]
    utility: Floats
    leakage: Floats
    floor: Floats
    masks: Floats
    sign: int

    def means(self, draws: Floats | None = None) -> tuple[Floats, Floats, Floats]:
        """Utility and leakage [settings, draws] and floor [draws] of resampled images.

        Args:
            draws: how often each image is drawn, [draws, images]; each once unless given.
        """
        counts = np.ones((1, len(self.images))) if draws is None else draws
        utility = (self.utility * self.masks) @ counts.T / (self.masks @ counts.T)
        images = counts.sum(axis=1)
        return utility, self.leakage @ counts.T / images, self.floor @ counts.T / images


def equal_utility(run: RunData) -> pd.DataFrame:
    """One row per defence, region, metric and loss of mIoU.

    Columns: `CURVE`, ``region``, ``metric``, ``knob``, ``loss`` (share of the undefended mIoU),
    ``leakage`` with its 95 % interval, ``hypervolume`` with its own (NaN where nothing leaks beyond
    the floor), ``settings``, ``images``, and
    ``beats``: the defences that leak more at `RANKED_AT`, by a paired bootstrap over images with
    Holm's correction.
    """
    rows = []
    for ladders in ladder_groups(run):
        draws = cluster_draws(len(ladders[0].images))
        beaten = _beaten(ladders, cluster_draws(len(ladders[0].images), TEST_RESAMPLES))
        for ladder in ladders:
            rows += [
                row | {"beats": ", ".join(beaten[ladder.knob])} for row in _rows(ladder, draws)
            ]
    return pd.DataFrame(rows)


def least_leakage(utility: Floats, leakage: Floats, least: Floats) -> Floats:
    """The least leakage on the line through the settings where utility is at least ``least``.

    Args:
        utility, leakage: [settings, draws], in the order of strength.
        least: [draws].

    Returns:
        [draws]; infinite where no part of the line has that utility.
    """
    best: Floats = np.where(utility >= least, leakage, np.inf).min(axis=0)
    for i in range(len(utility) - 1):
        ahead, behind = utility[i] - least, utility[i + 1] - least
        crosses = ahead * behind < 0
        share = np.divide(ahead, ahead - behind, out=np.zeros_like(ahead), where=crosses)
        between = leakage[i] + share * (leakage[i + 1] - leakage[i])
        best = np.minimum(best, np.where(crosses, between, np.inf))
    return best


def hypervolume(utility: Floats, leakage: Floats, floor: Floats) -> Floats:
    """Share of the square of utility and privacy that the settings dominate, [draws].

    Utility is relative to the first setting's, cut to 0 … 1. Privacy is 0 at the first setting's
    leakage and 1 at the floor.
    """
    span = leakage[0] - floor
    told = np.divide(leakage - floor, span, out=np.ones_like(leakage), where=span > 0)
    kept, privacy = np.clip(utility / utility[0], 0, 1), 1 - np.clip(told, 0, 1)
    ranked = np.argsort(-kept, axis=0, kind="stable")
    kept = np.take_along_axis(kept, ranked, axis=0)
    reached = np.maximum.accumulate(np.take_along_axis(privacy, ranked, axis=0), axis=0)
    steps = kept - np.vstack([kept[1:], np.zeros_like(kept[:1])])
    volume: Floats = np.where(np.isnan(floor), np.nan, (steps * reached).sum(axis=0))
    return volume


def leakage_at(ladder: Ladder, loss: float, draws: Floats | None = None) -> Floats:
    """Leakage where ``loss`` of the undefended utility is lost, [draws]; more is worse."""
    utility, leakage, _ = ladder.means(draws)
    return least_leakage(utility, leakage, (1 - loss) * utility[0])


def _rows(ladder: Ladder, draws: Floats) -> Iterator[dict[str, Any]]:
    of = [ladder.means(which) for which in (None, draws)]
    volume, volumes = (hypervolume(*means) for means in of)
    if not _leaks(*of[1][1:]):
        volume, volumes = np.full_like(volume, np.nan), np.full_like(volumes, np.nan)
    for loss in LOSSES:
        at, drawn = (
            least_leakage(utility, leakage, (1 - loss) * utility[0]) for utility, leakage, _ in of
        )
        row = {**ladder.keys, "knob": ladder.knob, "loss": loss}
        row |= {"settings": len(ladder.utility) - 1, "images": len(ladder.images)}
        row |= _named("leakage", ladder.sign * at[0], ladder.sign * drawn)
        row |= _named("hypervolume", volume[0], volumes)
        yield row


def _leaks(leakage: Floats, floor: Floats) -> bool:
    """Whether the undefended setting leaks more than the floor, beyond chance."""
    return bool(np.quantile(leakage[0] - floor, (1 - LEVEL) / 2) > 0)


def _beaten(ladders: list[Ladder], draws: Floats) -> dict[str, list[str]]:
    """For each defence those that leak more at equal utility, beyond chance.

    Holm's correction covers the pairs of one curve, region and metric.
    """
    at = {ladder.knob: leakage_at(ladder, RANKED_AT, draws) for ladder in ladders}
    p_values, better = {}, {}
    for one, other in combinations(at, 2):
        alike = np.isclose(at[one], at[other], rtol=0, atol=ROUNDING)
        difference = np.where(alike, 0.0, at[one] - at[other])
        p_values[one, other] = two_sided(difference, len(ladders[0].images))
        better[one, other] = (one, other) if (difference < 0).mean() > 0.5 else (other, one)
    beaten: dict[str, list[str]] = {name: [] for name in at}
    for pair in sorted(holm(p_values)):
        winner, loser = better[pair]
        beaten[winner].append(loser)
    return beaten


def ladder_groups(run: RunData) -> Iterator[list[Ladder]]:
    """The ladders of each curve, region and metric, on the images that all of them have."""
    leakage = run.leakage[run.leakage["stage"] == EARLIEST]
    if leakage.empty or UTILITY not in run.segmentation:
        return
    scored = run.segmentation.dropna(subset=[UTILITY])[PIPELINE].drop_duplicates()
    for _, curve in leakage.merge(scored, on=PIPELINE).groupby(CURVE, dropna=False):
        if len(curve[PIPELINE].drop_duplicates()) < 2:
            continue
        settings: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for table in image_tables(adaptive(comparable(curve))):
            real = table.of(CONTROLS, False)
            if len(real):
                place = table.keys["region"], table.keys["metric"]
                settings.setdefault(place, []).append(_setting(run, table, real))
        for found in settings.values():
            if ladders := _ladders(found):
                yield ladders


@lru_cache(maxsize=4)
def _utility(run: RunData) -> dict[tuple[Any, ...], pd.DataFrame]:
    """Segmentation scores of each pipeline, indexed by image."""
    known = run.segmentation.dropna(subset=[UTILITY]).drop_duplicates([*PIPELINE, "image_id"])
    groups = known.set_index("image_id").groupby(PIPELINE)
    return dict(iter(groups))


def _setting(run: RunData, table: ImageTable, real: Floats) -> dict[str, Any]:
    """Scores of one pipeline, each indexed by image."""
    images = _utility(run)[tuple(table.keys[name] for name in PIPELINE)]
    floors = table.of((FLOOR,))
    sign = 1 if table.worse else -1
    floor = worst_case(floors, table.worse) if len(floors) else np.full(real.shape[1], np.nan)
    return {
        "keys": table.keys,
        "sign": sign,
        "utility": images[UTILITY].astype(float),
        "masks": mask_counts(images),
        "leakage": pd.Series(sign * worst_case(real, table.worse), table.images).dropna(),
        "floor": pd.Series(sign * floor, table.images),
    }


def _ladders(settings: list[dict[str, Any]]) -> list[Ladder]:
    """The undefended setting and the strengths of each defence, as ladders."""
    rows = [pd.Series(s["keys"]) for s in settings]
    named = [(knob(row), order(row), s) for row, s in zip(rows, settings, strict=True)]
    start = next((s for name, _, s in named if not name), None)
    if start is None:
        return []
    shared = set.intersection(*({*s["leakage"].index} & {*s["utility"].index} for s in settings))
    images = sorted(shared)
    if not images:
        return []
    ladders = []
    for name in dict.fromkeys(name for name, _, _ in named if name):
        steps = [s for found, _, s in sorted(named, key=lambda n: n[1]) if found == name]
        rungs = [start, *steps]
        ladders.append(
            Ladder(
                keys={k: start["keys"][k] for k in (*CURVE, "region", "metric")},
                knob=name,
                images=images,
                utility=np.stack([s["utility"].loc[images].to_numpy() for s in rungs]),
                leakage=np.stack([s["leakage"].loc[images].to_numpy() for s in rungs]),
                floor=start["floor"].loc[images].to_numpy(float),
                masks=start["masks"].loc[images].to_numpy(float),
                sign=start["sign"],
            )
        )
    return ladders


def _named(name: str, value: float, draws: Floats) -> dict[str, float]:
    """``name`` with its percentile interval; without one where there is one image alone."""
    tail = (1 - LEVEL) / 2
    known = draws[np.isfinite(draws)]
    spread = len(known) > 0 and np.ptp(known) > 0
    low, high = np.quantile(known, [tail, 1 - tail]) if spread else (np.nan, np.nan)
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}
