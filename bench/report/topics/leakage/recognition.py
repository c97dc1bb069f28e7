"""What is still recognised: the original, the windows as received, and reconstructions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.recognition import RECOGNISERS
from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import INTERVALS, sentences, source
from bench.report.watched import scene_means
from bench.spec.cells import ORIGINAL

ROW = ["recogniser", "metric", "policy", "picture"]
WATCHERS = ["n_shards", "coalition"]


def recognition_scores(run: RunData) -> pd.DataFrame:
    """One row per recogniser, metric, policy, picture, shards and coalition: mean and interval.

    ``picture`` is ``seen``, ``original`` or the name of the attack that made it.
    """
    by_metric = {metric: name for name, part in RECOGNISERS.items() for metric in part.metrics}
    rows = run.scores[run.scores["metric"].isin(by_metric) & (run.scores["region"] == "full")]
    rows = rows[(rows["defence"] == "none") & (rows["stage"] == "earliest")]
    if rows.empty:
        return pd.DataFrame()
    rows = rows.assign(recogniser=rows["metric"].map(by_metric), picture=rows["attack"].astype(str))
    keys = [*ROW, "plan", "payload", *WATCHERS, "coalition_choice"]
    return scene_means(rows, keys)


def ceilings(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of the original at the model's resolution, one row per metric."""
    return scores[scores["picture"] == ORIGINAL].drop_duplicates("metric")


def recognition_table(run: RunData) -> Table:
    """Recogniser × ceiling, one shard of several numbers, coalitions."""
    scores = recognition_scores(run)
    frame = pd.DataFrame()
    labels: list[str] = []
    if not scores.empty:
        frame, labels = _wide(scores)
    return Table(
        name="recognition",
        title="What is recognised in the original, in what was seen, and in reconstructions",
        source=source(run),
        note=sentences(
            "Ceiling: the original at the model's resolution; what a recogniser misses there is "
            "its own limit, not privacy. Picture: seen is the windows as received, the rest of one "
            "colour. 1 of 4: one shard of four. Higher: more is recognised; false alarms, chance "
            "and false accepts say how much of it is none. Photos with nothing to recognise do "
            "not count.",
            INTERVALS,
        ),
        frame=frame,
        columns=(
            Column("recogniser", "Recogniser"),
            Column("metric", "Measure"),
            Column("policy", "Policy"),
            Column("picture", "Picture"),
            Column("ceiling", "Ceiling", 3, interval=True),
            *[Column(label, label, 3, interval=True) for label in labels],
            Column("images", "Images", 0),
        ),
        empty="This run recognised nothing: name recognisers under 'recognise' in its preset.",
    )


def _wide(scores: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """One row per `ROW`, one column with its interval per coalition."""
    ceiling = ceilings(scores).set_index("metric")
    rest = scores[scores["picture"] != ORIGINAL]
    labels = [
        f"{coalition} of {shards}"
        for shards, coalition in rest[WATCHERS].drop_duplicates().sort_values(WATCHERS).to_numpy()
    ]
    rows = []
    for values, group in rest.groupby(ROW, sort=True):
        row: dict[str, Any] = dict(zip(ROW, values, strict=True))
        row |= {"images": int(group["images"].max())}
        for _, score in group.iterrows():
            label = f"{score['coalition']} of {score['n_shards']}"
            for end in ("", "_low", "_high"):
                row[label + end] = score[f"mean{end}"]
        if row["metric"] in ceiling.index:
            for end in ("", "_low", "_high"):
                row[f"ceiling{end}"] = ceiling[f"mean{end}"][row["metric"]]
        rows.append(row)
    keys = [f"{key}{end}" for key in ("ceiling", *labels) for end in ("", "_low", "_high")]
    return pd.DataFrame(rows).reindex(columns=[*ROW, *keys, "images"]), labels
