"""`leakage_aware` against every other policy: paired differences in worst-attack leakage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.report.aggregate.leakage import CONTROLS, adaptive, image_tables, plain
from bench.report.data import RunData
from bench.report.statistics import (
    holm,
    named,
    paired_gain,
    resampled_gain,
    two_sided,
    worst_case,
)

JUDGED = "leakage_aware"
PLACE = ["plan", "payload", "n_shards", "coalition", "coalition_choice", "region", "metric"]
FAMILY = ["region", "metric"]
"""Differences of one family are corrected together."""


def partitionings(run: RunData) -> pd.DataFrame:
    """One row per place and other policy, where `JUDGED` was run beside it.

    Only attacks that every policy of a place was put to are compared.

    Columns: `PLACE`, ``policy``, ``judged`` and ``other`` (mean leakage of the attack that leaks
    most for each image), ``difference`` with its 95 % interval (as scored), ``clear`` (whether it
    differs from 0 after Holm's correction over the family), ``less`` (whether `JUDGED` leaks
    less) and ``images``.
    """
    rows = [row for where, scores in _worst(run) for row in _rows(where, scores)]
    if not rows:
        return pd.DataFrame(columns=[*PLACE, "policy"])
    table = pd.DataFrame(rows)
    for _, family in table.groupby(FAMILY):
        rejected = holm(dict(family["p_value"]))
        table.loc[family.index, "clear"] = [place in rejected for place in family.index]
    return table


def _worst(run: RunData) -> Iterator[tuple[dict[str, Any], dict[str, pd.Series]]]:
    """Each place with the worst case of each policy, indexed by image."""
    found: dict[tuple[Any, ...], dict[str, pd.Series]] = {}
    worse: dict[tuple[Any, ...], bool] = {}
    for table in image_tables(_comparable(adaptive(plain(run.leakage)))):
        real = table.of(CONTROLS, False)
        if len(real):
            where = tuple(table.keys[name] for name in PLACE)
            scores = pd.Series(worst_case(real, table.worse), table.images)
            found.setdefault(where, {})[table.keys["policy"]] = scores
            worse[where] = table.worse
    for where, of_policies in found.items():
        yield dict(zip(PLACE, where, strict=True)) | {"worse": worse[where]}, of_policies


def _comparable(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of attacks that every policy of a place was put to."""
    policies = rows.groupby(PLACE)["policy"].transform("nunique")
    tried = rows.groupby([*PLACE, "attack"])["policy"].transform("nunique")
    return rows[tried == policies]


def _rows(where: dict[str, Any], scores: dict[str, pd.Series]) -> Iterator[dict[str, Any]]:
    if JUDGED not in scores:
        return
    for policy, other in scores.items():
        both = pd.DataFrame({"judged": scores[JUDGED], "other": other}).dropna()
        if policy == JUDGED or both.empty:
            continue
        images = list(both.index)
        difference = paired_gain(both["judged"], both["other"], images)
        yield {
            **where,
            "policy": policy,
            "judged": both["judged"].mean(),
            "other": both["other"].mean(),
            **named("difference", difference),
            "p_value": two_sided(resampled_gain(both["judged"], both["other"], images)),
            "less": (difference.mean < 0) == where["worse"],
            "images": len(images),
        }
