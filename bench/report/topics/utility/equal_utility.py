"""Defences at equal utility as a table."""

from __future__ import annotations

import pandas as pd

from bench.metrics import METRICS
from bench.report.aggregate.curves import CURVE, PRECISION
from bench.report.aggregate.equal_utility import LOSSES, RANKED_AT, equal_utility
from bench.report.aggregate.leakage import higher_is_worse
from bench.report.base import TABLES, ReportTable
from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import (
    INTERVALS,
    constant_settings,
    direction,
    sentences,
    setting_columns,
    source,
)
from bench.report.words import defence_label, measure

KEYS = [*CURVE, "region", "metric", "knob"]


@TABLES.register("equal_utility")
class EqualUtilityTable(ReportTable):
    """Leakage of each defence where the same share of mIoU is lost, the least leakage first.

    The ranking at equal utility follows PMLR 258:613 (AISTATS 2025).
    """

    title = "Defences at equal utility"
    empty = "This run has no defence or precision beside an undefended float32 setting."
    place = 3

    def build(self, run: RunData) -> Table:
        frame = _wide(equal_utility(run))
        leaks = [
            Column(_at(loss), f"Leakage at −{loss:.0%} mIoU", 3, interval=True) for loss in LOSSES
        ]
        better = direction("hypervolume", False)
        return self.table(
            frame,
            (
                *setting_columns(frame, CURVE),
                Column("region", "Region"),
                Column("measure", "Metric"),
                Column("defence", "Defence"),
                *leaks,
                Column("hypervolume", "Hypervolume", 3, better, interval=True),
                Column("beats", "Beats"),
                Column("settings", "Strengths", 0),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Leakage of the strongest attack for each image, read off the line through a "
                "defence's strengths where that share of the undefended mIoU (box) is lost. "
                "Hypervolume: share of the square of kept mIoU and privacy that the strengths "
                "dominate; privacy is 0 undefended and 1 at the floor. It has no value where the "
                "undefended setting does not leak more than the floor, beyond chance.",
                f"Ranked by leakage at a loss of {RANKED_AT:.0%} (after PMLR 258:613, 2025).",
                f"Beats: defences that leak more at a loss of {RANKED_AT:.0%} (paired bootstrap "
                "over images, Holm's correction, 5 %).",
                INTERVALS,
                constant_settings(frame, CURVE),
            ),
        )


def _at(loss: float) -> str:
    return f"leakage_{loss * 100:g}"


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per defence, region and metric; the losses side by side."""
    if rows.empty:
        return rows
    own = [*KEYS, "hypervolume", "hypervolume_low", "hypervolume_high", "beats", "settings"]
    frame = rows[[*own, "images"]].drop_duplicates(KEYS)
    for loss, part in rows.groupby("loss"):
        ends = {f"leakage{end}": f"{_at(float(str(loss)))}{end}" for end in ("", "_low", "_high")}
        frame = frame.merge(part[[*KEYS, *ends]].rename(columns=ends), on=KEYS)
    csv_alone = [name for name in METRICS.names() if METRICS.get(name).csv_alone]
    frame = frame[~frame["metric"].isin(csv_alone)]
    frame["measure"] = [measure(str(name)).label for name in frame["metric"]]
    frame["defence"] = [_label(str(name)) for name in frame["knob"]]
    frame["beats"] = [
        ", ".join(_label(name) for name in beaten.split(", ") if name) for beaten in frame["beats"]
    ]
    signs = [1 if higher_is_worse(str(name)) else -1 for name in frame["metric"]]
    ranked = frame[_at(RANKED_AT)] * signs
    by = [*CURVE, "region", "metric", "ranked"]
    return frame.assign(ranked=ranked).sort_values(by, ignore_index=True).drop(columns="ranked")


def _label(knob: str) -> str:
    name, _, payload = knob.partition(" on ")
    label = PRECISION if name == PRECISION else defence_label(name)
    return f"{label} on {payload}" if payload else label
