"""Bytes and rounds by plan and payload."""

from __future__ import annotations

from typing import Final

import pandas as pd
from matplotlib.figure import Figure

from bench.report.aggregate.segmentation import summarize
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.data import RunData
from bench.report.render.style import NARROW, Theme, canvas
from bench.report.render.table import Column, Table
from bench.report.topics.columns import ordered, sentences, setting_columns, source
from bench.report.words import protected, readable

LESS: Final = "lower is better for the user"
KEYS = ["plan", "payload"]
OTHERS = ["defence", "strength", "adapted", "policy", "n_shards"]
SENT = ["bytes_up", "bytes_down", "rounds"]


def traffic_summary(run: RunData, *, together: bool = True) -> pd.DataFrame:
    """Mean payload bytes per image and rounds, by plan and payload, in MB (10^6 bytes).

    One row where policies, numbers of shards and defences send alike, the undefended one; where
    they do not (decoys, windows kept at home), one for each. ``what`` names the row.

    Args:
        together: False gives every setting a row of its own.
    """
    if run.segmentation.empty or "bytes_up" not in run.segmentation:
        return pd.DataFrame()
    means = summarize(run)
    means = ordered(means.dropna(subset=SENT), [*KEYS, *OTHERS])
    twice = means[[*KEYS, *SENT]].round(3).duplicated()
    rows = means[~twice].copy() if together else means.copy()
    for way in ("up", "down"):
        rows[f"megabytes_{way}"] = rows[f"bytes_{way}"] / 1e6
    rows["megabytes"] = rows["megabytes_up"] + rows["megabytes_down"]
    rows["what"] = [_what(row, rows) for _, row in rows.iterrows()]
    return rows.reset_index(drop=True)


def _what(row: pd.Series, rows: pd.DataFrame) -> str:
    """Plan and payload, and what else tells the row from others of the same."""
    alike = rows[(rows["plan"] == row["plan"]) & (rows["payload"] == row["payload"])]
    parts = [str(row["plan"]), str(row["payload"])]
    if alike["policy"].nunique() > 1:
        parts.append(str(row["policy"]))
    if alike["n_shards"].nunique() > 1:
        parts.append(f"{row['n_shards']} shards")
    if alike["adapted"].nunique() > 1 and row["adapted"]:
        parts.append("adapted")
    if len(alike[["defence", "strength"]].drop_duplicates()) > 1:
        parts.append(protected(str(row["defence"]), float(row["strength"])))
    return ", ".join(parts)


@TABLES.register("traffic")
class TrafficTable(ReportTable):
    """Table 3: what travels between the edge and its servers for one image."""

    title = "Bytes and rounds by plan and payload"
    empty = "This run counted no bytes."
    place = 16

    def build(self, run: RunData) -> Table:
        frame = traffic_summary(run)
        varying = [name for name in OTHERS if not frame.empty and frame[name].nunique() > 1]
        return self.table(
            frame,
            (
                *setting_columns(frame, [*KEYS, *varying]),
                Column("rounds", "Rounds", 0, LESS),
                Column("megabytes_up", "Up (MB)", 3, LESS),
                Column("megabytes_down", "Down (MB)", 3, LESS),
                Column("megabytes", "Both (MB)", 3, LESS),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Payload that really crossed the transport, per image, without framing; "
                "MB are 10^6 bytes. Settings that send alike share a row.",
            ),
        )


@FIGURES.register("traffic")
class TrafficFigure(ReportFigure):
    """Megabytes up and down for one image, with the number of rounds."""

    title = "Bytes per image"
    caption = (
        "Payload that really crossed the transport, without framing. Valid tokens only; up: edge "
        "to shards, down: back."
    )
    empty = "This run counted no bytes."
    place = 12

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        rows = traffic_summary(run)
        if rows.empty:
            return None
        figure = canvas(NARROW, 0.9 + 0.22 * len(rows), "What travels for one image")
        axes = figure.subplots()
        places = list(range(len(rows)))
        up, down = rows["megabytes_up"], rows["megabytes_down"]
        axes.barh(places, up, color=theme.series[0], height=0.62, label="up")
        axes.barh(
            places, down, left=up, color=theme.series[0], alpha=0.45, height=0.62, label="down"
        )
        for place, (_, row) in zip(places, rows.iterrows(), strict=True):
            count = int(row["rounds"])
            text = f" {row['megabytes']:.3g} MB, {count} round{'' if count == 1 else 's'}"
            axes.text(row["megabytes"], place, text, va="center", fontsize=6.5, color=theme.muted)
        names = [readable(name) for name in rows["what"]]
        axes.set_yticks(places, names)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, float(rows["megabytes"].max()) * 1.6 or 1)
        axes.set_xlabel("MB per image (10⁶ bytes)")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.legend(loc="lower right")
        return figure
