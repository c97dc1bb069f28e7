"""What noise lets through at most, beside what the best attack reached."""

from __future__ import annotations

import pandas as pd

from bench.report.aggregate.curves import CURVE, curve_points
from bench.report.aggregate.segmentation import image_mean
from bench.report.base import TABLES, ReportTable
from bench.report.data import PIPELINE, RunData
from bench.report.render.table import Column, Table
from bench.report.statistics import named
from bench.report.topics.columns import (
    INTERVALS,
    constant_settings,
    sentences,
    setting_columns,
    source,
)
from bench.report.words import protected
from bench.runner.evaluation.noise_bounds import BITS, ERROR

COLUMNS = (
    Column(BITS, "Bits a pixel value, at most", 3, interval=True),
    Column(ERROR, "PSNR of an unbiased attacker, at most (dB)", 2, interval=True),
)
"""A run without public photos has no bits: they need the second moments of tokens."""
BOUNDS = tuple(column.key for column in COLUMNS)


OF_BITS = (
    "Bits: the information of a first-round token on its patch, given the deviation of "
    "its channels where the noise is relative to it, divided by the pixel values of a "
    "patch. It is the capacity of a channel with that noise and the second moments of "
    "public photos' tokens; more attackers, rounds or computation cannot exceed it. It "
    "counts each token by itself."
)


@TABLES.register("noise_bounds")
class NoiseBoundsTable(ReportTable):
    """Bounds from above for defences that add noise, beside the strongest attack."""

    title = "What noise lets through at most, and what attacks reached"
    empty = "This run has no defence that adds noise to tokens."
    place = 4

    def applies(self, run: RunData) -> bool:
        return any(name in run.segmentation for name in BOUNDS)

    def build(self, run: RunData) -> Table:
        frame = _bounds(run).merge(_reached(run), on=PIPELINE, how="left")
        frame["setting"] = [protected(r["defence"], r["strength"]) for _, r in frame.iterrows()]
        return self.table(
            frame.sort_values(["defence", "strength"], ignore_index=True),
            (
                *setting_columns(frame, CURVE),
                Column("setting", "Defence", parts=("defence", "strength")),
                *(column for column in COLUMNS if column.key in frame),
                Column("mean", "Visible PSNR, strongest attack (dB)", 2, interval=True),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                OF_BITS if BITS in frame else "",
                "PSNR of an unbiased attacker: from 1 / dFIL (arXiv:2209.10119), the Fisher "
                "information in a token, mean over patches. Attackers who know what photos look "
                "like are biased and may exceed it.",
                INTERVALS,
                constant_settings(frame, CURVE),
            ),
        )


def _bounds(run: RunData) -> pd.DataFrame:
    """One row per pipeline that has bounds, with the number of its images."""
    rows = []
    for keys, images in run.segmentation.groupby(PIPELINE, dropna=False, sort=False):
        found = [name for name in BOUNDS if name in images and images[name].notna().any()]
        if not found:
            continue
        row = dict(zip(PIPELINE, keys, strict=True)) | {"images": images["image_id"].nunique()}
        for name in found:
            row |= named(name, image_mean(images, name, False))
        rows.append(row)
    return pd.DataFrame(rows)


def _reached(run: RunData) -> pd.DataFrame:
    """PSNR of the strongest attack on windows received, for each pipeline and coalition."""
    points = curve_points(run)
    wanted = [*PIPELINE, "coalition", "coalition_choice", "mean", "mean_low", "mean_high"]
    if points.empty:
        return pd.DataFrame(columns=wanted)
    chosen = points[(points["region"] == "visible") & (points["metric"] == "psnr")]
    return chosen.reindex(columns=wanted)
