"""How attackers were trained: photos, time, and how soon it was as good as it got."""

from __future__ import annotations

import pandas as pd

from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.topics.attackers.training import LEARNED, NEAR, trainings
from bench.report.topics.columns import ordered, sentences, setting_columns

LABELS = {
    "frames": "Frames averaged",
    "access": "Access",
    "public": "Public data",
    "public_photos": "Photos asked for",
}


def training_summary(run: RunData) -> pd.DataFrame:
    """One row per attacker, seeds averaged: photos, seconds, steps, and steps to near the best."""
    rows = trainings(run)
    if rows.empty:
        return rows
    rows = rows.reindex(columns=[*rows.columns.union(["steps", "near"], sort=False)])
    numbers = {name: (name, "mean") for name in ("photos", "seconds", "steps", "near")}
    grouped = rows.groupby([*LEARNED, "data"], dropna=False, sort=False)
    return ordered(grouped.agg(seeds=("seed", "nunique"), **numbers).reset_index(), LEARNED)


def training_table(run: RunData) -> Table:
    """The cards of a run's attackers."""
    frame = training_summary(run)
    settings = ["attack", "plan", "payload", "defence", "strength", "stage"]
    varying = [name for name in LABELS if not frame.empty and frame[name].nunique() > 1]
    return Table(
        name="training",
        title="How attackers were trained",
        source="",
        note=sentences(
            "Photos: pictures of the attackers' own, sent through the system as the row says. "
            "Seconds: of training, on the device that the card names, as one of several processes; "
            "unknown for attackers that were trained elsewhere or before there were cards. Steps: "
            f"of gradient descent. Near: after so many the held-out error stayed within {NEAR} dB "
            "of its best. Means over attacker seeds. Curves and devices stand in attackers.json."
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, settings),
            *[Column(name, LABELS[name]) for name in varying],
            Column("data", "Data"),
            Column("photos", "Photos", 0),
            Column("seeds", "Seeds", 0),
            Column("seconds", "Seconds", 1),
            Column("steps", "Steps", 0),
            Column("near", "Near", 0),
        ),
        empty="No attack of this run was trained, or it is older than their cards.",
    )
