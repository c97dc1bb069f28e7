"""The control that must stay quiet: what attacks gain where nothing but noise was sent."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.output.leakage import CONTROLS, adaptive, attack_summary, oracle_summary
from bench.output.rundata import CELL, RunData
from bench.output.table import Column, Table
from bench.output.tables.common import CAP, INTERVALS, ordered, sentences, setting_columns, source

NOISE_ONLY = "noise_only"
WORST = "worst case"
WORSE: Final = "higher is worse for privacy"
ROW = [*CELL, "attack", "region", "metric"]


def control_summary(run: RunData) -> pd.DataFrame:
    """Each attack, and the worst case over all, against the floors where noise alone was sent.

    ``quiet`` tells whether the interval of the gain reaches down to 0.
    """
    rows = adaptive(run.leakage)
    rows = rows[(rows["defence"] == NOISE_ONLY) & rows["region"].isin(["hidden", "visible"])]
    if rows.empty:
        return pd.DataFrame()
    single = attack_summary(rows)
    single = single[~single["attack_kind"].isin(CONTROLS)].assign(attacks=1)
    worst = oracle_summary(rows).assign(attack=WORST)
    frame = pd.concat([single, worst], ignore_index=True)
    if frame.empty:
        return frame
    frame = frame.dropna(subset=["gain"])
    frame["quiet"] = (frame["gain_low"].fillna(frame["gain"]) <= 0).map({True: "yes", False: "NO"})
    return ordered(frame, ROW)


def control_table(run: RunData) -> Table:
    """What must not be: gains from an observation of pure noise."""
    frame = control_summary(run)
    return Table(
        name="control",
        title="Control: attacks on pure noise must gain nothing",
        source=source(run),
        note=sentences(
            "The payload was replaced by noise that does not depend on the photo. Gain: paired "
            "difference to the floor that leaks most on average; in the rows of the worst case, "
            "per photo the attack that leaks most less the floor that does (Attacks and Floors "
            "tell how many: a maximum over more of them gains by selection alone). Quiet: the "
            "interval reaches down to 0.",
            CAP,
            INTERVALS,
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, [*CELL, "attack"]),
            Column("region", "Region"),
            Column("metric", "Metric"),
            Column("mean", "Attack", 3),
            Column("floor", "Floor", 3),
            Column("gain", "Gain", 3, WORSE, interval=True),
            Column("quiet", "Quiet"),
            Column("attacks", "Attacks", 0),
            Column("floors", "Floors", 0),
            Column("images", "Images", 0),
        ),
        empty="This run sent no pure noise: add a pipeline with the defence 'noise_only'.",
    )
