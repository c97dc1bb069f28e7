"""Segmentation by plan, payload and noise."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.report.aggregate.failed import failed_columns, with_failures
from bench.report.aggregate.segmentation import (
    added_scores,
    normalised,
    reference_scores,
    summarize,
)
from bench.report.base import TABLES, ReportTable
from bench.report.data import PIPELINE, RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import (
    INTERVALS,
    constant_settings,
    ordered,
    sentences,
    setting_columns,
    source,
)

BETTER: Final = "higher is better for the user"
SCORES = (
    Column("miou_box", "mIoU, box", 3, BETTER, interval=True),
    Column("miou_fill", "fill box", 3),
    Column("normalised_box", "normalised, box", 3, BETTER, negative="below the box"),
    Column("normalised_point", "normalised, point", 3, BETTER, detail=True),
    Column("miou_point", "mIoU, point", 3, BETTER, interval=True),
    Column("miou_grow", "grow point", 3),
    Column("agreement_box", "agreement, box", 4, BETTER),
    Column("agreement_point", "agreement, point", 4, BETTER),
    Column("embedding_error", "embedding error", 5, "lower is better for the user"),
    Column("images", "Images", 0),
    Column("instances", "Masks", 0),
)


@TABLES.register("segmentation")
class SegmentationTable(ReportTable):
    """Table 1: what sharing, precision and noise cost in segmentation quality."""

    title = "Segmentation by plan, payload and noise"
    empty = "This run scored no segmentation."
    place = 1

    def build(self, run: RunData) -> Table:
        frame = ordered(summarize(run), PIPELINE) if not run.segmentation.empty else pd.DataFrame()
        if not frame.empty:
            frame = ordered(with_failures(frame, run, PIPELINE), PIPELINE)
        return self.table(
            frame,
            (*setting_columns(frame, PIPELINE), *SCORES, *_added(frame), *failed_columns(frame)),
            source=source(run),
            note=sentences(
                "mIoU is the mean over masks; agreement is the mean IoU with the masks of the "
                "unsplit float32 model; embedding error is relative (L2) to its embedding.",
                INTERVALS,
                _normalisation(run),
                _foreign_order(run),
                constant_settings(frame, PIPELINE),
            ),
        )


def _added(frame: pd.DataFrame) -> list[Column]:
    """Columns of other packages' metrics that the run has."""
    return [
        Column(
            column,
            f"{metric.label or metric.name}, {column.rpartition('_')[2]}",
            max(0, metric.decimals),
            BETTER,
            interval=column.endswith("_box"),
            detail=not column.endswith("_box"),
        )
        for column, metric in added_scores().items()
        if column in frame and frame[column].notna().any()
    ]


def _normalisation(run: RunData) -> str:
    if run.segmentation.empty:
        return ""
    reference = reference_scores(run.segmentation)
    if reference is None:
        return "Not normalised: the run has neither the centralized nor the local plan."
    if normalised(reference, reference, "miou_box") is None:
        return "Not normalised: the unsplit model scores no more than filling the prompt box."
    return (
        "Normalised: 0 is filling the prompt box, 1 the unsplit model; where a setting scores less "
        "than filling the box, how much less means nothing."
    )


def _foreign_order(run: RunData) -> str:
    """A warning about plans whose block order differs from the one the weights were trained in."""
    if run.segmentation.empty:
        return ""
    foreign = run.reordered
    if not foreign:
        return ""
    return f"{', '.join(foreign)}, not adapted: the weights were trained in another block order."
