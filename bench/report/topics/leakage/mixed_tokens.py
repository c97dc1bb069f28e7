"""What tokens that global attention has mixed give away of windows never received."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.report.aggregate.leakage import adaptive, gain_over, higher_is_worse
from bench.report.choice import commonest
from bench.report.data import EARLIEST, RunData
from bench.report.words import shown_metrics
from bench.spec.cells import PADDING

WHOLE, FIRST, PRIOR = "whole_image_decoder", "whole_image_decoder_round1", "whole_image_prior"
MEAN = "dataset_mean"
CASE = ["plan", "policy", "n_shards", "coalition", "coalition_choice"]
ALL_ROUNDS, ROUND_1 = "all rounds", "round 1"
STEADY = {MEAN: "dataset mean", PRIOR: "prior", FIRST: ROUND_1}
ENDS = ("", "_low", "_high")


def mixed_scores(run: RunData) -> pd.DataFrame:
    """One row per case (`CASE`), metric and what was seen, in hidden windows.

    ``seen`` is ``dataset mean``, ``prior``, ``round 1``, ``stage k`` (that stage alone) or
    ``all rounds``; ``place`` orders them. ``over_round1`` and ``over_prior`` are paired gains with
    intervals over images, positive where more leaks. Cases without the whole-image decoder are
    left out.
    """
    rows = adaptive(run.leakage)
    rows = rows[(rows["defence"] == "none") & (rows["region"] == "hidden")]
    rows = rows[
        rows["attack"].isin([WHOLE, *STEADY]) & rows["metric"].isin(shown_metrics(rows["metric"]))
    ]
    if not (rows["attack"] == WHOLE).any():
        return pd.DataFrame()
    rows = commonest(rows, ["payload", "adapted"], run.config)
    names: list[Any] = [_seen(*pair) for pair in rows[["attack", "stage"]].to_numpy().tolist()]
    rows = rows.assign(seen=names)
    rows = rows.dropna(subset=["seen"])
    found = []
    for keys, group in rows.groupby([*CASE, "metric"], sort=True):
        case = dict(zip([*CASE, "metric"], keys, strict=True))
        table = group.pivot_table(index="seen", columns="image_id", values="value", observed=True)
        found += [case | row for row in _case(table, higher_is_worse(str(case["metric"])))]
    return pd.DataFrame(found)


def case_name(row: pd.Series) -> str:
    """A case in words."""
    if row["coalition_choice"] == PADDING:
        return "padding only"
    return f"{row['coalition']} of {row['n_shards']}"


def _seen(attack: str, stage: str) -> str | None:
    if attack == WHOLE:
        return ALL_ROUNDS if stage == EARLIEST else f"stage {stage}"
    return STEADY[attack] if stage == EARLIEST else None


def _case(table: pd.DataFrame, worse: bool) -> Iterator[dict[str, Any]]:
    """Rows of one case and metric from values [what was seen, images]."""
    known = {
        str(name): values for name, values in zip(table.index, table.to_numpy(float), strict=True)
    }
    if not any(name not in STEADY.values() for name in known):
        return
    first = known.get(ROUND_1, known.get("stage 0"))
    for place, name in enumerate(sorted(known, key=_order)):
        values = known[name]
        row = {"seen": name, "place": place} | gain_over(values, first, worse)
        prior = gain_over(values, known.get(STEADY[PRIOR]), worse)
        yield {
            "seen": name,
            "place": place,
            "images": int((~np.isnan(values)).sum()),
            **{f"score{end}": row[f"mean{end}"] for end in ENDS},
            **{f"over_round1{end}": row[f"gain{end}"] for end in ENDS},
            **{f"over_prior{end}": prior[f"gain{end}"] for end in ENDS},
        }


def _order(name: str) -> tuple[int, int]:
    fixed = [*STEADY.values(), "stage", ALL_ROUNDS]
    if name.startswith("stage "):
        return fixed.index("stage"), int(name.split()[1])
    return fixed.index(name), 0
