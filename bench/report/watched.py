"""Means with intervals of any records, over scenes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.report.aggregate.segmentation import named
from bench.report.statistics import mean_interval


def scene_means(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """One row per ``keys``: ``mean`` with its interval, and ``images``.

    Values of one photo are averaged first (attacker seeds); photos and frames of one scene are
    resampled together.
    """
    if rows.empty:
        return pd.DataFrame(columns=[*keys, "mean", "mean_low", "mean_high", "images"])
    rows = _with_scenes(rows)
    images = rows.groupby([*keys, "scene", "image_id"], dropna=False)["value"].mean().reset_index()
    found = []
    for values, group in images.groupby(list(keys), dropna=False, sort=True):
        row: dict[str, Any] = dict(zip(keys, values, strict=True))
        interval = mean_interval(group["value"].to_numpy(float), list(group["scene"]))
        found.append(row | named("mean", interval) | {"images": group["image_id"].nunique()})
    return pd.DataFrame(found)


def worst_rows(rows: pd.DataFrame, keys: Sequence[str], higher_is_worse: bool) -> pd.DataFrame:
    """Per ``keys`` and photo, the value of the attack that leaks most, seeds averaged."""
    photo = [*keys, "scene", "image_id"]
    rows = _with_scenes(rows)
    seeds = rows.groupby([*photo, "attack"], dropna=False)["value"].mean()
    grouped = seeds.groupby(level=list(range(len(photo))), dropna=False)
    worst = grouped.max() if higher_is_worse else grouped.min()
    return worst.rename("value").reset_index()


def one_column_each(scores: pd.DataFrame, keys: Sequence[str], name: str) -> pd.DataFrame:
    """`scene_means` with a column, and its bounds, for each value of ``name``; and ``images``."""
    ends = ["mean", "mean_low", "mean_high"]
    wide = scores.pivot(index=list(keys), columns=name, values=ends)
    wide.columns = wide.columns.map(lambda pair: pair[1] + pair[0].removeprefix("mean"))
    images = scores.groupby(list(keys), dropna=False)["images"].max()
    return wide.join(images).reset_index()


def _with_scenes(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of older runs do not name their scene: each photo is one."""
    told = rows["scene"].fillna(rows["image_id"]) if "scene" in rows else rows["image_id"]
    return rows.assign(scene=told)
