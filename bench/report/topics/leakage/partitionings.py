"""`leakage_aware` against the other policies as a table."""

from __future__ import annotations

from bench.metrics import METRICS
from bench.report.aggregate.partitionings import JUDGED, PLACE, partitionings
from bench.report.base import TABLES, ReportTable
from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import (
    CAP,
    INTERVALS,
    constant_settings,
    sentences,
    setting_columns,
    source,
)
from bench.report.words import measure


@TABLES.register("partitionings")
class PartitioningsTable(ReportTable):
    """Paired differences in worst-attack leakage between `leakage_aware` and other policies."""

    title = f"{JUDGED} against other policies"
    empty = f"This run has no policy beside {JUDGED}."
    place = 5

    def applies(self, run: RunData) -> bool:
        policies = set(run.leakage["policy"])
        return JUDGED in policies and len(policies) > 1

    def build(self, run: RunData) -> Table:
        frame = partitionings(run)
        shown = [name for name in METRICS.names() if not METRICS.get(name).csv_alone]
        frame = frame[frame["metric"].isin(shown)].reset_index(drop=True)
        if not frame.empty:
            frame["measure"] = [measure(str(name)).heading for name in frame["metric"]]
            frame["verdict"] = [
                ("less" if less else "more") if clear else "not clear"
                for less, clear in zip(frame["less"], frame["clear"], strict=True)
            ]
        settings = ["plan", "payload", "policy", *PLACE[2:5]]
        return self.table(
            frame,
            (
                *setting_columns(frame, settings),
                Column("region", "Region"),
                Column("measure", "Metric", parts=("metric",)),
                Column("judged", f"{JUDGED}", 3),
                Column("other", "Other policy", 3),
                Column("difference", "Difference", 3, interval=True),
                Column("verdict", f"{JUDGED} leaks"),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Leakage of the attack that leaks most for each image, and the paired difference "
                f"{JUDGED} − other. Each policy is scored on the windows that its own shard lacks "
                "(hidden) or has (visible). Less, more: after Holm's correction over all "
                "differences of the same region and metric, at 5 %.",
                CAP,
                INTERVALS,
                constant_settings(frame, settings),
            ),
        )
