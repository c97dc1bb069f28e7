"""The control that must stay quiet: what attacks gain where nothing but noise was sent."""

from __future__ import annotations

from typing import Final

import pandas as pd

from attacks.controls.matching import control_of
from bench.report.aggregate.leakage import CONTROLS, adaptive, attack_summary
from bench.report.aggregate.matched_worst import EVERY, PAIRED, matched_worst
from bench.report.base import TABLES, ReportTable
from bench.report.data import CELL, RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import CAP, INTERVALS, ordered, sentences, setting_columns, source

NOISE_ONLY = "noise_only"
WORSE: Final = "higher is worse for privacy"
ROW = [*CELL, "region", "metric", "place", "attack"]


def control_summary(run: RunData) -> pd.DataFrame:
    """Each attack against its own control, and worst cases against as many controls.

    ``quiet`` tells whether the interval of the gain reaches down to 0; a single photo has none.
    """
    single = attack_summary(adaptive(_noise_only(run.leakage)), own=control_of)
    single = single[~single["attack_kind"].isin(CONTROLS)].assign(place=2)
    worst = pd.DataFrame(matched_worst(adaptive(_noise_only(run.seeded))))
    if single.empty or worst.empty:
        frame = single
    else:
        worst["place"] = worst["attack"].map({PAIRED: 0, EVERY: 1})
        frame = pd.concat([worst, single.astype(object)], ignore_index=True)
    if frame.empty:
        return pd.DataFrame()
    frame = frame.dropna(subset=["gain"])
    lowest = frame["gain_low"].astype(float)
    quiet = (lowest <= 0).map({True: "yes", False: "NO"})
    frame["quiet"] = quiet.where(lowest.notna(), "unknown")
    return ordered(frame, ROW)


@TABLES.register("control")
class ControlTable(ReportTable):
    """What must not be: gains from an observation of pure noise."""

    title = "Control: attacks on pure noise must gain nothing"
    empty = "This run sent no pure noise: add a pipeline with the defence 'noise_only'."
    place = 15

    def build(self, run: RunData) -> Table:
        frame = control_summary(run)
        return self.table(
            frame,
            (
                *setting_columns(frame, CELL),
                Column("region", "Region"),
                Column("metric", "Metric"),
                Column("attack", "Attack"),
                Column("against", "Against"),
                Column("mean", "Score", 3),
                Column("floor", "Floor", 3),
                Column("gain", "Gain", 3, WORSE, interval=True),
                Column("quiet", "Quiet"),
                Column("attacks", "Attacks", 0),
                Column("floors", "Floors", 0),
                Column("compared", "Compared", 0),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "The payload was replaced by noise that does not depend on the photo. Gain: "
                "paired difference to the floor named beside it. That is the attack's own "
                "control: the same, retrained with its observation removed, or, where nothing is "
                "trained, handed another photo's windows. An attack without one is compared with "
                "the floor that leaks most on average. Worst cases take per photo the attack, or "
                "control, that leaks most, each attacker seed by itself, over equally many of "
                "both: a maximum over more of them gains by selection alone. Compared: how many; "
                "where one side has more, the mean over all choices of that many. Quiet: the "
                "interval reaches down to 0; a single photo has no interval.",
                CAP,
                INTERVALS,
            ),
        )


def _noise_only(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["defence"] == NOISE_ONLY) & rows["region"].isin(["hidden", "visible"])]
