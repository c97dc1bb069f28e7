"""Cells that failed, beside those that have scores."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.report.data import RunData
from bench.report.render.table import Column
from bench.runner.folder.records import DEFAULTS, FAILED, VARIANTS

FAILED_ON = "failed"


def with_failures(frame: pd.DataFrame, run: RunData, keys: Sequence[str]) -> pd.DataFrame:
    """``frame`` with the number of images on which each cell failed, in the column `FAILED_ON`.

    A cell that failed on every image gets a row without scores. Where nothing failed, ``frame`` as
    it is. Of attackers only the usual one counts, as in `RunData.scores`.

    Args:
        frame: one row per ``keys``.
        keys: settings of a cell; with ``attack`` among them attacks count, else segmentation.
    """
    rows = run.troubles[run.troubles["status"] == FAILED]
    for name in VARIANTS:
        rows = rows[rows[name].isna() | (rows[name] == DEFAULTS[name])]
    attacked = rows["attack"].fillna("") != ""
    rows = rows[attacked if "attack" in keys else ~attacked].dropna(subset=list(keys))
    if rows.empty:
        return frame
    counts = rows.groupby(list(keys))["image_id"].nunique().rename(FAILED_ON).reset_index()
    if frame.empty:
        return counts
    joined = frame.merge(counts.astype(dict(frame[list(keys)].dtypes)), on=list(keys), how="outer")
    return joined.assign(**{FAILED_ON: joined[FAILED_ON].fillna(0).astype(int)})


def failed_columns(frame: pd.DataFrame) -> list[Column]:
    """The column of failures, where there are any."""
    return [Column(FAILED_ON, "Failed on, images", 0)] if FAILED_ON in frame else []
