"""Which attacks count on the shown curve, and how much more all attacks of a run reach."""

from __future__ import annotations

import pandas as pd

from bench.report.aggregate.leakage import SCORED, oracle_scores
from bench.report.data import RunData
from bench.report.render.table import number
from bench.report.topics.columns import sentences
from bench.report.words import readable

TOLD = 0.05
"""Differences in dB from which a reader sees two numbers."""


def counted_attacks(run: RunData, points: pd.DataFrame) -> str:
    """Sentences on the attacks behind some points; empty where there are none."""
    if points.empty:
        return ""
    names = "; ".join(readable(names) for names in sorted(points["attack_names"].unique()))
    return sentences(f"Attacks counted in this run: {names}.", _beyond(run, points))


def _beyond(run: RunData, points: pd.DataFrame) -> str:
    """What all attacks together reach undefended, where that is more than the points show."""
    start = points[(points["knob"] == "") & (points["metric"] == "psnr")]
    both = start.merge(oracle_scores(run), on=SCORED, suffixes=("", "_all"))
    more = both[both["region"].isin(["hidden", "visible"])]
    more = more[more["mean_all"] > more["mean"] + TOLD]
    if more.empty:
        return ""
    cases = [
        f"{number(row['mean_all'], 1)} instead of {number(row['mean'], 1)} dB in the "
        f"{row['region']} part of {row['coalition']} of {row['n_shards']} shards"
        for _, row in more.iterrows()
    ]
    return (
        "Other attacks were put to only some of the points and do not count here; with them the "
        f"undefended setting leaks {', '.join(cases)}."
    )
