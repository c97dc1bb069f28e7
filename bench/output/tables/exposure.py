"""What coalitions see without any model: pixels, and objects."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.output.rundata import RunData
from bench.output.table import Column, Table
from bench.output.tables.common import INTERVALS, ordered, sentences, setting_columns, source
from bench.output.watched import one_column_each, scene_means

KEYS = ["plan", "policy", "n_shards", "coalition", "coalition_choice"]
SHARES = {
    "visible_fraction": "Share of the picture",
    "object_max_fraction": "Most of any object",
    "objects_half_seen": "Objects seen to 50 %",
    "objects_seen_90": "Objects seen to 90 %",
}
WORSE: Final = "higher is worse for privacy"


def exposure_scores(run: RunData) -> pd.DataFrame:
    """Mean and interval of each of `SHARES` by policy, number of shards and coalition.

    Payload and defence change nothing about which windows are seen.
    """
    seen = run.exposure
    known = [name for name in SHARES if name in seen]
    if seen.empty or not known:
        return pd.DataFrame()
    seen = seen.drop_duplicates([*KEYS, "image_id"])
    rows = seen.melt([*KEYS, "image_id"], known, "share").dropna(subset=["value"])
    return scene_means(rows, [*KEYS, "share"])


def exposure_table(run: RunData) -> Table:
    """Exposure by policy, number of shards and coalition."""
    scores = exposure_scores(run)
    frame = pd.DataFrame()
    if not scores.empty:
        frame = ordered(one_column_each(scores, KEYS, "share"), KEYS)
    return Table(
        name="exposure",
        title="What coalitions see of picture and objects, without any model",
        source=source(run),
        note=sentences(
            "Counted in pixels of the windows received before the first global block. Objects: "
            "the data set's masks; the shares of those of which at least 50 or 90 % were seen.",
            INTERVALS,
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, KEYS),
            *[Column(key, label, 3, WORSE, True) for key, label in SHARES.items() if key in frame],
            Column("images", "Images", 0),
        ),
        empty="This run measured no exposure.",
    )
