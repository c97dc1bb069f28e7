"""Hidden-region against full-image PSNR, with what the visible share explains."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from bench.metrics.psnr import CAP_DB
from bench.report.aggregate.leakage import adaptive, plain
from bench.report.data import CELL, PIPELINE, RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import (
    constant_settings,
    ordered,
    sentences,
    setting_columns,
    source,
)

KEYS = [*CELL, "attack", "attack_kind"]
SEEN = [*PIPELINE, "coalition", "coalition_choice", "image_id"]
WORSE: Final = "higher is worse for privacy"


def coalition_table(run: RunData) -> Table:
    """Table 4: how much of a full-image PSNR is what was handed over."""
    frame = coalition_summary(run)
    return Table(
        name="coalition",
        title="Hidden and full PSNR against coalition size, and what the visible share explains",
        source=source(run),
        note=sentences(
            "Formula: hidden PSNR − 10 log10(1 − visible share) per image, then the mean; it holds "
            "where the visible windows are copied exactly. Identity: the mean squared error of "
            "both regions added up by their shares; it differs from the measured value only by "
            f"the {CAP_DB:g} dB cap. Off: measured − formula; negative where the visible windows "
            "come back with errors. Of means: the formula applied to the mean hidden PSNR and the "
            "mean visible share; what it differs from Formula by comes of averaging over photos. "
            "Each coalition is scored on its own hidden windows; where everything is visible "
            "nothing is hidden.",
            constant_settings(frame, CELL),
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, [*CELL, "attack"]),
            Column("visible_fraction", "Visible share", 3, WORSE),
            Column("hidden", "Hidden PSNR (dB)", 2, WORSE),
            Column("visible", "Visible PSNR (dB)", 2, WORSE),
            Column("full", "Full PSNR (dB)", 2, WORSE),
            Column("formula", "Formula (dB)", 2),
            Column("off", "Off (dB)", 2),
            Column("identity", "Identity (dB)", 2),
            Column("of_means", "Of means (dB)", 2),
            Column("images", "Images", 0),
        ),
        empty="This run scored no PSNR of coalitions.",
    )


def coalition_summary(run: RunData) -> pd.DataFrame:
    """One row per cell and attack: measured PSNR per region beside what explains it."""
    images = coalition_images(run)
    if images.empty:
        return images
    groups = images.groupby(KEYS, dropna=False)
    columns = ["visible_fraction", "hidden", "visible", "full", "formula", "identity"]
    means = groups[columns].mean().join(groups["image_id"].nunique().rename("images"))
    means = means.reset_index()
    means["off"] = means["full"] - means["formula"]
    means["of_means"] = formula(means["hidden"], means["visible_fraction"])
    return ordered(means, KEYS)


def coalition_images(run: RunData) -> pd.DataFrame:
    """Per image: hidden, visible and full PSNR, visible share, formula and identity."""
    leakage = plain(adaptive(run.leakage))
    rows = leakage[leakage["metric"] == "psnr"]
    if rows.empty or "visible_fraction" not in run.exposure:
        return pd.DataFrame()
    wide = rows.pivot(index=[*KEYS, "image_id"], columns="region", values="value").reset_index()
    wide = wide.rename_axis(columns=None).reindex(
        columns=[*KEYS, "image_id", "hidden", "visible", "full"]
    )
    images = wide.merge(run.exposure[[*SEEN, "visible_fraction"]], on=SEEN)
    images["formula"] = formula(images["hidden"], images["visible_fraction"])
    images["identity"] = identity(images["hidden"], images["visible"], images["visible_fraction"])
    return images


def formula(hidden: pd.Series, visible_fraction: pd.Series) -> pd.Series:
    """Full PSNR (dB) where visible pixels are copied: hidden − 10 log10(1 − visible share)."""
    hidden_share = (1 - visible_fraction).where(visible_fraction < 1)
    return (hidden - 10 * np.log10(hidden_share)).clip(upper=CAP_DB)


def identity(hidden: pd.Series, visible: pd.Series, visible_fraction: pd.Series) -> pd.Series:
    """Full PSNR (dB) from the errors of both regions, each weighed by its share."""
    error = _share(1 - visible_fraction, hidden) + _share(visible_fraction, visible)
    return error.clip(lower=10 ** (-CAP_DB / 10)).apply(np.log10) * -10


def _share(share: pd.Series, psnr: pd.Series) -> pd.Series:
    """What a region adds to the mean squared error, relative to the squared range."""
    error = (10 ** (-psnr / 10)).where(psnr.isna() | (psnr < CAP_DB), 0.0)
    return (share * error).where(share > 0, 0.0)
