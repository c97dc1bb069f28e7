"""Segmentation scores of a run, averaged over instances."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from bench.metrics.segmentation import SEGMENTATION_METRICS, SOURCES, SegmentationMetric
from bench.report.data import PIPELINE, RunData
from bench.report.statistics import Interval, mean_interval, named, paired_gain

PER_INSTANCE = (
    "miou_box",
    "miou_point",
    "miou_fill",
    "miou_grow",
    "agreement_box",
    "agreement_point",
)
PER_IMAGE = ("embedding_error", "bytes_up", "bytes_down", "rounds")
REFERENCE_PLANS = ("centralized", "local")
"""Plans that give the masks of the unsplit model; the first one found is the reference."""


@lru_cache(maxsize=4)
def summarize(run: RunData) -> pd.DataFrame:
    """One row per pipeline with means and their 95 % intervals (``_low``, ``_high``).

    Means over instances weigh each image by its number of masks; whole images are resampled.
    ``normalised_box`` and ``normalised_point`` place the mean between filling the prompt box (0)
    and the unsplit model (1), on the images that both have; they are missing without the latter.
    """
    reference = reference_scores(run.segmentation)
    rows = []
    for keys, images in run.segmentation.groupby(PIPELINE, dropna=False, sort=False):
        row: dict[str, Any] = dict(zip(PIPELINE, keys, strict=True))
        row["images"] = images["image_id"].nunique()
        row["instances"] = int(mask_counts(images).sum())
        per_instance = (*PER_INSTANCE, *added_scores())
        for metric in (*per_instance, *PER_IMAGE):
            row |= named(metric, image_mean(images, metric, metric in per_instance))
        for prompt in ("box", "point"):
            row[f"normalised_{prompt}"] = normalised(images, reference, f"miou_{prompt}")
        rows.append(row)
    return pd.DataFrame(rows)


def added_scores() -> dict[str, type[SegmentationMetric]]:
    """Columns of the installed metrics beside mIoU, e.g. ``dice_box``, with their metrics."""
    added = {name: part for name, part in SEGMENTATION_METRICS.items() if name != "miou"}
    return {f"{name}_{source}": part for name, part in added.items() for source in SOURCES}


def reference_scores(segmentation: pd.DataFrame) -> pd.DataFrame | None:
    """Scores per image of the unsplit model in full precision, if the run has them."""
    for plan in REFERENCE_PLANS:
        for payload in ("float32", "pixels"):
            chosen = segmentation[
                (segmentation["plan"] == plan)
                & (segmentation["payload"] == payload)
                & (segmentation["defence"] == "none")
                & ~segmentation["adapted"].astype(bool)
            ]
            if not chosen.empty:
                return chosen.drop_duplicates("image_id")
    return None


def normalised(images: pd.DataFrame, reference: pd.DataFrame | None, metric: str) -> float | None:
    """(m − fill) / (centralised − fill) of means over instances; None where it has no meaning."""
    if reference is None or not {metric, "miou_fill"} <= set(images):
        return None
    unsplit = reference.set_index("image_id")[metric].reindex(images["image_id"])
    three = np.stack(
        [each.to_numpy(float) for each in (images[metric], images["miou_fill"], unsplit)]
    )
    both = ~np.isnan(three).any(axis=0)
    if not both.any():
        return None
    mine, filled, best = np.average(three[:, both], axis=1, weights=mask_counts(images)[both])
    return float((mine - filled) / (best - filled)) if best > filled else None


def paired_cost(run: RunData, pipeline: pd.Series, metric: str = "miou_box") -> Interval | None:
    """What a defence costs: the metric without it minus with it, mask by mask weighted.

    Args:
        pipeline: the `PIPELINE` fields of the defended setting.

    Returns:
        The mean loss over instances of the images that both settings have, with its paired
        interval; None where there are none.
    """
    table = run.segmentation
    if metric not in table:
        return None
    undefended = {**pipeline[PIPELINE].to_dict(), "defence": "none", "strength": 0.0}
    before = table.merge(pd.DataFrame([undefended]), on=PIPELINE)
    after = table.merge(pd.DataFrame([pipeline[PIPELINE].to_dict()]), on=PIPELINE)
    both = before.merge(after[["image_id", metric]], on="image_id", suffixes=("", "_after"))
    both = both.dropna(subset=[metric, f"{metric}_after"])
    if both.empty:
        return None
    both = both.loc[both.index.repeat(mask_counts(both).astype(int))]
    return paired_gain(both[metric], both[f"{metric}_after"], list(both["image_id"]))


def image_mean(images: pd.DataFrame, metric: str, per_instance: bool) -> Interval | None:
    """The mean of a metric over instances or images; None where no image has it."""
    if metric not in images:
        return None
    values = images[metric].to_numpy(float)
    times = mask_counts(images).to_numpy(int) if per_instance else np.ones(len(images), int)
    times = np.where(np.isnan(values), 0, times)
    if not times.any():
        return None
    return mean_interval(values.repeat(times), list(images["image_id"].to_numpy().repeat(times)))


def mask_counts(images: pd.DataFrame) -> pd.Series:
    """Masks per image; 1 where a run does not say."""
    if "instances" not in images:
        return pd.Series(1.0, index=images.index)
    return images["instances"].fillna(1.0)
