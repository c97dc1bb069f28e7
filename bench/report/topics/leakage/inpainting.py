"""Learned inpainting against classic methods and the mean colour, by how much is visible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.report.aggregate.families import CLASSIC, LEARNED_INPAINTING, family
from bench.report.aggregate.leakage import (
    ImageTable,
    adaptive,
    attack_summary,
    gain_over,
    image_tables,
    plain,
    visible_fractions,
)
from bench.report.data import CELL, PIPELINE, RunData
from bench.report.words import shown_metrics

MEAN_COLOUR = "mean_colour"
CASE = [*PIPELINE, "coalition", "coalition_choice"]
ENDS = ("", "_low", "_high")


def inpainting_scores(run: RunData) -> pd.DataFrame:
    """`attack_summary` in hidden windows of inpainting and the mean colour.

    ``visible_fraction`` and ``family`` are beside; cells where no inpainting ran are left out.
    """
    rows = _hidden(run)
    if rows.empty:
        return rows
    scores = attack_summary(rows).merge(visible_fractions(run), on=CASE)
    kinds = zip(scores["attack"], scores["attack_kind"], strict=True)
    return scores.assign(family=[family(*pair) for pair in kinds])


def inpainting_gains(run: RunData) -> pd.DataFrame:
    """What each learned inpainter gains over the best classic method and over the mean colour.

    One row per cell, metric and inpainter: ``score``, ``classic`` (the score of the classic method
    that is best on average, named in ``best_classic``), ``over_classic`` and ``over_colour`` with
    intervals over images, and ``verdict``.
    """
    found = [row for table in image_tables(_hidden(run)) for row in _gains(table)]
    if not found:
        return pd.DataFrame()
    return pd.DataFrame(found).merge(visible_fractions(run), on=CASE)


def _hidden(run: RunData) -> pd.DataFrame:
    rows = plain(adaptive(run.leakage))
    rows = rows[(rows["region"] == "hidden") & rows["metric"].isin(shown_metrics(rows["metric"]))]
    wanted = (rows["attack_kind"] == "inpainting") | (rows["attack"] == MEAN_COLOUR)
    inpainted = rows.loc[rows["attack_kind"] == "inpainting", CELL].drop_duplicates()
    return rows[wanted].merge(inpainted, on=CELL)


def _gains(table: ImageTable) -> Iterator[dict[str, Any]]:
    sign = 1 if table.worse else -1
    pairs = zip(table.attacks, table.scores, strict=True)
    means = {name: sign * float(np.nanmean(row)) for name, row in pairs if not np.isnan(row).all()}
    classic = max((name for name in means if name in CLASSIC), key=means.__getitem__, default=None)
    for attack, kind, values in zip(table.attacks, table.kinds, table.scores, strict=True):
        if family(attack, kind) != LEARNED_INPAINTING:
            continue
        row: dict[str, Any] = {**table.keys, "attack": attack, "best_classic": classic}
        for name, rival in (("over_classic", classic), ("over_colour", MEAN_COLOUR)):
            place = table.place(rival)
            floor = None if place is None else table.scores[place]
            gain = gain_over(values, floor, table.worse)
            row |= {f"{name}{end}": gain[f"gain{end}"] for end in ENDS}
            row |= {f"score{end}": gain[f"mean{end}"] for end in ENDS}
            row[name.removeprefix("over_")] = gain["floor"]
            row["images"] = gain["images"]
        yield row | {"verdict": _verdict(row)}


def _verdict(row: dict[str, Any]) -> str:
    """Better or worse where the interval of a gain lies on one side of 0."""
    names = ("over_classic", "over_colour")
    lows = [row[f"{name}_low"] for name in names]
    highs = [row[f"{name}_high"] for name in names]
    if any(bound is None or pd.isna(bound) for bound in (*lows, *highs)):
        return "unknown"
    if min(highs) < 0:
        return "loses"
    return "beats both" if min(lows) > 0 else "level"
