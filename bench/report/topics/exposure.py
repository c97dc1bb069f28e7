"""What coalitions see without any model: pixels, and objects."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.report.base import TABLES, ReportTable
from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.statistics import one_column_each, scene_means
from bench.report.topics.columns import INTERVALS, ordered, sentences, setting_columns, source
from framework.split.policies.base import POLICIES, Policy

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


def average_shares(frame: pd.DataFrame) -> pd.Series:
    """The share of the picture that one shard receives in the mean over all shards.

    All shards together receive what was measured for the coalition of all; where that was not,
    the whole picture, unless the policy may keep windows at home: then it is unknown, NaN.

    Args:
        frame: rows with ``policy``, ``n_shards``, ``coalition`` and ``visible_fraction``.
    """
    together = frame[frame["coalition"] == frame["n_shards"]]
    keys = ["policy", "n_shards"]
    measured = together.groupby(keys)["visible_fraction"].mean().to_dict()
    rows = frame[keys].itertuples(index=False, name=None)
    shares = [measured.get((p, n), float("nan") if keeps_home(p) else 1.0) / n for p, n in rows]
    return pd.Series(shares, frame.index, dtype=float)


def keeps_home(policy: str) -> bool:
    """Whether a policy may leave windows on the edge; an unknown one might."""
    known = dict(POLICIES.items()).get(policy)
    return known is None or known.home is not Policy.home


@TABLES.register("exposure")
class ExposureTable(ReportTable):
    """Exposure by policy, number of shards and coalition."""

    title = "What coalitions see of picture and objects, without any model"
    empty = "This run measured no exposure."
    place = 7

    def build(self, run: RunData) -> Table:
        scores = exposure_scores(run)
        frame = pd.DataFrame()
        if not scores.empty:
            frame = ordered(one_column_each(scores, KEYS, "share"), KEYS)
            frame["average"] = average_shares(frame)
        return self.table(
            frame,
            (
                *setting_columns(frame, KEYS),
                *[
                    Column(key, label, 3, WORSE, True)
                    for key, label in SHARES.items()
                    if key in frame
                ],
                Column("average", "Average share of one shard", 3, WORSE),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Counted in pixels of the windows received before the first global block. "
                "Objects: the data set's masks; the shares of those of which at least 50 or 90 % "
                "were seen. Average share: of one shard, over all shards of the deployment; a "
                "coalition chosen as largest is the one with the largest share.",
                INTERVALS,
            ),
        )
