"""Two runs side by side: the same settings on the same photos."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report.aggregate.segmentation import PER_INSTANCE, added_scores
from bench.report.statistics import Interval, paired_gain
from bench.runner.folder.records import OK
from bench.runner.folder.records import SETTINGS as CELL_SETTINGS

SETTINGS = ["model", *CELL_SETTINGS, "region", "metric"]
PHOTO = [*[name for name in SETTINGS if name not in ("region", "metric")], "image_id"]
MASKS = "instances"
UNCHANGED = 1e-9
"""Differences up to which a score counts as the same in both runs."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Means over the photos that both runs scored, setting by setting.

    Attributes:
        table: `SETTINGS` with ``images``, ``before``, ``after``, ``difference`` and its paired 95 %
            interval, ``difference_low`` and ``difference_high`` (NaN for a single photo).
        photos: names of the photos that both runs have.
        only_before, only_after: how many settings the other run does not have on these photos.
        other_masks: photos whose number of masks differs; they are left out of means over masks.
    """

    table: pd.DataFrame
    photos: list[str]
    only_before: int
    only_after: int
    other_masks: list[str]

    @property
    def changed(self) -> pd.DataFrame:
        """The rows of ``table`` whose mean, or the score of any photo, differs."""
        return self.table[self.table["moved"] > UNCHANGED]


def compare_runs(before: pd.DataFrame, after: pd.DataFrame) -> Comparison:
    """Compare two runs' records.

    Attacker seeds that both runs have are averaged for each photo, then photos. Metrics that the
    report averages over masks weigh each photo by its number of masks. Intervals resample photos
    (scenes, where frames of one are scored).

    Args:
        before, after: as `bench.runner.folder.records.read_records` gives them.
    """
    photos = sorted(set(before["image_id"].dropna()) & set(after["image_id"].dropna()))
    first, second = (
        _scores(records[records["image_id"].isin(photos)]) for records in (before, after)
    )
    keys = [*SETTINGS, "seed", "image_id"]
    both = first.merge(second, on=keys, suffixes=("_1", "_2"))
    both, other_masks = _with_masks(both)
    settings = set(_rows(both))
    only_before, only_after = (len(set(_rows(scores)) - settings) for scores in (first, second))
    table = pd.DataFrame(_means(both), columns=_COLUMNS)
    return Comparison(table, photos, only_before, only_after, other_masks)


_COLUMNS = [
    *SETTINGS,
    "images",
    "before",
    "after",
    "difference",
    "difference_low",
    "difference_high",
    "moved",
]


def _scores(records: pd.DataFrame) -> pd.DataFrame:
    """Rows with a value; each photo's scene beside it, itself where a run does not name one."""
    known = records[(records["status"] == OK) & records["value"].notna()]
    scene = known["scene"].fillna(known["image_id"]) if "scene" in known else known["image_id"]
    keys = [*SETTINGS, "seed", "image_id"]
    return known[keys].assign(value=known["value"].astype(float), scene=scene)


def _rows(scores: pd.DataFrame) -> Iterator[tuple[Hashable, ...]]:
    unique = scores[SETTINGS].drop_duplicates().astype(object)
    yield from unique.where(unique.notna(), None).itertuples(index=False, name=None)


def _with_masks(both: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Rows with the number of masks behind each, 1 where a metric is a photo's own."""
    counted = both[both["metric"] == MASKS].drop_duplicates(PHOTO)
    counted = counted[[*PHOTO, "value_1", "value_2"]]
    counts = counted.rename(columns={"value_1": "masks", "value_2": "masks_2"})
    rows = both.merge(counts, on=PHOTO, how="left")
    by_mask = rows["metric"].isin((*PER_INSTANCE, *added_scores()))
    differ = by_mask & rows["masks"].notna() & (rows["masks"] != rows["masks_2"])
    rows["masks"] = rows["masks"].where(by_mask).fillna(1.0)
    return rows[~differ], sorted(rows.loc[differ, "image_id"].unique())


def _means(both: pd.DataFrame) -> Iterator[dict[str, Any]]:
    photo = both.groupby([*SETTINGS, "image_id"], dropna=False, sort=False)
    columns = {"value_1": "mean", "value_2": "mean", "masks": "first", "scene_1": "first"}
    rows = photo.agg(columns).reset_index()
    for values, images in rows.groupby(SETTINGS, dropna=False, sort=True):
        moved = float((images["value_2"] - images["value_1"]).abs().max())
        images_of = images.loc[images.index.repeat(images["masks"].astype(int))]
        old, new = (images_of[name].to_numpy(float) for name in ("value_1", "value_2"))
        difference = Interval(0.0, 0.0, 0.0)
        if moved > UNCHANGED:
            difference = paired_gain(new, old, list(images_of["scene_1"]))
        yield {
            **dict(zip(SETTINGS, values, strict=True)),
            "images": len(images),
            "before": float(old.mean()),
            "after": float(new.mean()),
            "difference": difference.mean,
            "difference_low": difference.low,
            "difference_high": difference.high,
            "moved": moved,
        }
