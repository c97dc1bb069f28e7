"""What the best, the mean and the worst of several draws of one attack give away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from attacks.base import ATTACKS
from bench.report.aggregate.leakage import adaptive, higher_is_worse, known_metrics
from bench.report.base import TABLES, ReportTable
from bench.report.data import CELL, RunData
from bench.report.render.table import Column, Table
from bench.report.statistics import mean_interval
from bench.report.topics.columns import CAP, INTERVALS, ordered, sentences, setting_columns, source

KEYS = [*CELL, "attack", "region", "metric"]
KINDS = ("best", "mean", "worst")
REGIONS = ("hidden", "full")


def draw_scores(run: RunData) -> pd.DataFrame:
    """One row per cell, attack whose seeds are draws, region and metric.

    For each photo, the draw that leaks most, the mean over draws and the draw that leaks least; of
    each the mean over photos with its interval. Photos and cells with a single draw are left out.
    """
    rows = known_metrics(adaptive(run.seeded))
    sampled = [name for name, attack in ATTACKS.items() if attack.sampled]
    rows = rows[rows["attack"].isin(sampled) & rows["region"].isin(REGIONS)]
    if rows.empty:
        return pd.DataFrame()
    photos = rows.groupby([*KEYS, "image_id"], dropna=False, observed=True)["value"]
    table = photos.agg(["min", "mean", "max", "count"]).reset_index()
    return pd.DataFrame(_summaries(table[table["count"] > 1]))


def _summaries(photos: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for values, group in photos.groupby(KEYS, dropna=False, observed=True, sort=False):
        row = dict(zip(KEYS, values, strict=True))
        worse = higher_is_worse(str(row["metric"]))
        row |= {"draws": int(group["count"].min()), "images": len(group)}
        columns = ("max", "mean", "min") if worse else ("min", "mean", "max")
        for kind, column in zip(KINDS, columns, strict=True):
            found = mean_interval(group[column], list(group["image_id"]))
            row |= {kind: found.mean, f"{kind}_low": found.low, f"{kind}_high": found.high}
        yield row


@TABLES.register("draws")
class DrawsTable(ReportTable):
    """Table of attacks whose every seed is a draw."""

    title = "Attacks that draw: best, mean and worst of their draws"
    empty = "This run has no attack with several draws."
    place = 11

    def build(self, run: RunData) -> Table:
        frame = draw_scores(run)
        if not frame.empty:
            frame = ordered(frame, [*CELL, "attack", "region", "metric"])
        return self.table(
            frame,
            (
                *setting_columns(frame, [*CELL, "attack"]),
                Column("region", "Region"),
                Column("metric", "Metric"),
                Column("draws", "Draws", 0),
                Column("best", "Best", 3, interval=True),
                Column("mean", "Mean", 3, interval=True),
                Column("worst", "Worst", 3, interval=True),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "An attacker may draw as often as it likes. Best is the draw of each photo that is "
                "closest to it by the very metric, which only who has the photo can tell: an "
                "oracle. Worst is the furthest. LPIPS: lower is closer.",
                CAP,
                INTERVALS,
            ),
        )
