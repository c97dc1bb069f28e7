"""The one curve that figures show of a run, and the defences that stand out on it."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from bench.report.aggregate.curves import CURVE, PRECISION, curve_points
from bench.report.aggregate.equal_utility import RANKED_AT, Ladder, ladder_groups, leakage_at
from bench.report.choice import commonest
from bench.report.data import RunData
from bench.report.words import shown_metrics

REGION = "visible"
"""Where defences are ranked: in the windows received."""
MOST = 5
"""Defences that stand out: those that leak least at equal utility."""


def chosen_points(run: RunData) -> pd.DataFrame:
    """The smallest coalition of the plan and policy with most settings.

    Of several, the one of the main cell (`bench.report.choice`), then the first of its order.

    Raises:
        Undecided: several are still alike.
    """
    points = curve_points(run)
    if points.empty:
        return points
    keys = [name for name in CURVE if name != "n_shards"]
    sizes: pd.DataFrame = points.groupby(keys)["setting"].nunique().reset_index()
    sizes = sizes[sizes["setting"] == sizes["setting"].max()]
    sizes = sizes[sizes["coalition"] == sizes["coalition"].min()]
    return points.merge(commonest(sizes, keys, run.config)[keys], on=keys)


def main_ladders(run: RunData, region: str) -> list[Ladder]:
    """The ladders of the shown curve in a region, of the number of shards with most of them."""
    points = chosen_points(run)
    if points.empty:
        return []
    wanted = {name: points[name].iloc[0] for name in CURVE if name != "n_shards"}
    found: dict[int, list[Ladder]] = {}
    for group in ladder_groups(run):
        keys = group[0].keys
        if keys["region"] == region and all(keys[name] == wanted[name] for name in wanted):
            found.setdefault(int(keys["n_shards"]), []).extend(group)
    shards = min(found, key=lambda count: (-len(found[count]), count), default=0)
    return found.get(shards, [])


def ranked(ladders: list[Ladder], metric: str) -> list[Ladder]:
    """The ladders of one metric, those first that leak least at equal utility."""
    own = [ladder for ladder in ladders if ladder.keys["metric"] == metric]
    return sorted(own, key=lambda ladder: float(leakage_at(ladder, RANKED_AT)[0]))


@lru_cache(maxsize=4)
def best_defences(run: RunData) -> tuple[str, ...]:
    """Knobs of the `MOST` that leak least on the shown curve; empty where there are no more."""
    ladders = main_ladders(run, REGION)
    metrics = shown_metrics(ladder.keys["metric"] for ladder in ladders)
    best = ranked(ladders, metrics[0]) if metrics else []
    best = [ladder for ladder in best if ladder.knob != PRECISION]
    return tuple(ladder.knob for ladder in best[:MOST]) if len(best) > MOST else ()
