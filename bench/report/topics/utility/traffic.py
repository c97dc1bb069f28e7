"""Bytes and rounds by plan and payload."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.report.aggregate.segmentation import summarize
from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import ordered, sentences, setting_columns, source
from bench.report.words import protected

LESS: Final = "lower is better for the user"
KEYS = ["plan", "payload"]
OTHERS = ["defence", "strength", "adapted", "policy", "n_shards"]
SENT = ["bytes_up", "bytes_down", "rounds"]


def traffic_summary(run: RunData) -> pd.DataFrame:
    """Mean payload bytes per image and round trips, by plan and payload, in MB (10^6 bytes).

    One row where policies, numbers of shards and defences send alike, the undefended one; where
    they do not (decoys, windows kept at home), one for each. ``what`` names the row.
    """
    if run.segmentation.empty or "bytes_up" not in run.segmentation:
        return pd.DataFrame()
    means = summarize(run)
    means = ordered(means.dropna(subset=SENT), [*KEYS, *OTHERS])
    rows = means[~means[[*KEYS, *SENT]].round(3).duplicated()].copy()
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


def traffic_table(run: RunData) -> Table:
    """Table 3: what travels between the edge and its servers for one image."""
    frame = traffic_summary(run)
    varying = [name for name in OTHERS if not frame.empty and frame[name].nunique() > 1]
    return Table(
        name="traffic",
        title="Bytes and rounds by plan and payload",
        source=source(run),
        note=sentences(
            "Payload that really crossed the transport, per image, without framing; "
            "MB are 10^6 bytes. Settings that send alike share a row.",
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, [*KEYS, *varying]),
            Column("rounds", "Rounds", 0, LESS),
            Column("megabytes_up", "Up (MB)", 3, LESS),
            Column("megabytes_down", "Down (MB)", 3, LESS),
            Column("megabytes", "Both (MB)", 3, LESS),
            Column("images", "Images", 0),
        ),
        empty="This run counted no bytes.",
    )
