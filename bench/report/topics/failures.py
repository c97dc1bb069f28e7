"""What failed, and what a part does not support."""

from __future__ import annotations

import pandas as pd

from bench.report.base import TABLES, ReportTable
from bench.report.data import PIPELINE, RunData
from bench.report.render.table import Column, Table
from bench.words import plural

KEYS = ["status", *PIPELINE, "attack", "metric", "error"]
GROUP = ["status", "what", "attack", "plan", "payload"]


@TABLES.register("failures")
class FailuresTable(ReportTable):
    """Table 5: every reason for a missing score, with how often and on which images."""

    title = "Failures and unsupported combinations"
    empty = "Nothing failed, and nothing was unsupported."
    place = 1000

    def build(self, run: RunData) -> Table:
        frame = failures_summary(run.troubles)
        return self.table(
            frame,
            (
                Column("status", "Status"),
                Column("what", "Cell"),
                Column("metric", "Metric"),
                Column("records", "Records", 0),
                Column("images", "Images"),
                Column("error", "Reason"),
            ),
            note=f"{plural(len(run.records), 'record')} in all, of which {len(run.troubles)} "
            f"failed or are unsupported and {run.not_applicable()} are not applicable (a "
            "region is empty).",
        )


def failures_summary(troubles: pd.DataFrame) -> pd.DataFrame:
    """One row per status, kind of cell and reason."""
    if troubles.empty:
        return pd.DataFrame()
    text = troubles[KEYS].astype("string").fillna("")
    text["what"] = [_cell(row) for _, row in text.iterrows()]
    text["image_id"] = troubles["image_id"].astype("string")
    groups = text.groupby([*GROUP, "metric", "error"], sort=False)["image_id"]
    return groups.agg(records="size", images=_names).reset_index()


def _names(images: pd.Series) -> str:
    names = sorted(images.unique())
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _cell(row: pd.Series) -> str:
    """Attack and plan suffice to find the cause; the records hold the rest."""
    return " on ".join(part for part in (row["attack"], row["plan"], row["payload"]) if part)
