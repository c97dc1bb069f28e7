"""`leakage_aware` against every other policy: paired differences in worst-attack leakage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.report.aggregate.leakage import CONTROLS, ImageTable, adaptive, image_tables, plain
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

    Two policies are compared by the attacks that both were put to.

    Columns: `PLACE`, ``policy``, ``judged`` and ``other`` (mean leakage of the attack that leaks
    most for each image), ``difference`` with its 95 % interval (as scored), ``clear`` (whether it
    differs from 0 after Holm's correction over the family), ``less`` (whether `JUDGED` leaks
    less) and ``images``.
    """
    rows = [row for where, tables in _places(run) for row in _rows(where, tables)]
    if not rows:
        return pd.DataFrame(columns=[*PLACE, "policy"])
    table = pd.DataFrame(rows)
    for _, family in table.groupby(FAMILY):
        rejected = holm(dict(family["p_value"]))
        table.loc[family.index, "clear"] = [place in rejected for place in family.index]
    return table


def _places(run: RunData) -> Iterator[tuple[dict[str, Any], dict[str, ImageTable]]]:
    """Each place with the scores of each policy."""
    found: dict[tuple[Any, ...], dict[str, ImageTable]] = {}
    for table in image_tables(adaptive(plain(run.leakage))):
        where = tuple(table.keys[name] for name in PLACE)
        found.setdefault(where, {})[table.keys["policy"]] = table
    for where, of_policies in found.items():
        yield dict(zip(PLACE, where, strict=True)), of_policies


def _rows(where: dict[str, Any], tables: dict[str, ImageTable]) -> Iterator[dict[str, Any]]:
    judged = tables.get(JUDGED)
    if judged is None:
        return
    for policy, table in tables.items():
        both = _worst_of_common(judged, table)
        if policy == JUDGED or both.empty:
            continue
        images = list(both.index)
        difference = paired_gain(both["judged"], both["other"], images)
        draws = resampled_gain(both["judged"], both["other"], images)
        yield {
            **where,
            "policy": policy,
            "judged": both["judged"].mean(),
            "other": both["other"].mean(),
            **named("difference", difference),
            "p_value": two_sided(draws, len(images)),
            "less": (difference.mean < 0) == table.worse,
            "images": len(images),
        }


def _worst_of_common(judged: ImageTable, other: ImageTable) -> pd.DataFrame:
    """Leakage of the worst attack that both were put to, by image: ``judged`` and ``other``."""
    common = sorted(_attacks(judged) & _attacks(other))
    if not common:
        return pd.DataFrame()
    worst = {}
    for name, table in (("judged", judged), ("other", other)):
        scores = table.scores[[table.attacks.index(attack) for attack in common]]
        worst[name] = pd.Series(worst_case(scores, table.worse), table.images)
    return pd.DataFrame(worst).dropna()


def _attacks(table: ImageTable) -> set[str]:
    kinds = zip(table.attacks, table.kinds, strict=True)
    return {attack for attack, kind in kinds if kind not in CONTROLS}
