"""Bytes and rounds by plan and payload."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.output.rundata import RunData
from bench.output.segmentation import summarize
from bench.output.table import Column, Table
from bench.output.tables.common import ordered, sentences, setting_columns, source

LESS: Final = "lower is better for the user"
KEYS = ["plan", "payload"]


def traffic_summary(run: RunData) -> pd.DataFrame:
    """Mean payload bytes per image and round trips, by plan and payload, in MB (10^6 bytes)."""
    if run.segmentation.empty or "bytes_up" not in run.segmentation:
        return pd.DataFrame()
    means = summarize(run)
    rows = means.drop_duplicates(KEYS).copy()
    for way in ("up", "down"):
        rows[f"megabytes_{way}"] = rows[f"bytes_{way}"] / 1e6
    rows["megabytes"] = rows["megabytes_up"] + rows["megabytes_down"]
    return ordered(rows, KEYS)


def traffic_table(run: RunData) -> Table:
    """Table 3: what travels between the edge and its servers for one image."""
    frame = traffic_summary(run)
    return Table(
        name="traffic",
        title="Bytes and rounds by plan and payload",
        source=source(run),
        note=sentences(
            "Payload that really crossed the transport, per image, without framing; "
            "MB are 10^6 bytes. Noise, policy and number of shards change nothing here.",
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, KEYS),
            Column("rounds", "Rounds", 0, LESS),
            Column("megabytes_up", "Up (MB)", 3, LESS),
            Column("megabytes_down", "Down (MB)", 3, LESS),
            Column("megabytes", "Both (MB)", 3, LESS),
            Column("images", "Images", 0),
        ),
        empty="This run counted no bytes.",
    )
