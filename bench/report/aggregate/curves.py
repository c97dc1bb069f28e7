"""Points of the privacy-utility curves: what each setting leaks, and what it costs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pandas as pd

from attacks.base import ATTACKS
from bench.report.aggregate.leakage import CONTROLS, adaptive, oracle_summary
from bench.report.aggregate.segmentation import PER_INSTANCE, summarize
from bench.report.data import CEILING, EARLIEST, PIPELINE, RunData

CURVE = ["plan", "policy", "n_shards", "adapted", "coalition", "coalition_choice"]
PAYLOADS = ("float32", "float16", "bfloat16", "int8", "int4", "pixels")
"""From the most exact to the coarsest; pixels, which are no tokens, last."""

PRECISION = "precision"


@lru_cache(maxsize=4)
def curve_points(run: RunData, trained_through_defence: bool = True) -> pd.DataFrame:
    """One row per setting, region and metric: leakage and segmentation of the same pipeline.

    Only attacks and floors that every setting of a curve was put to are compared, so that no point
    leaks more because more was tried on it, and attacks made against the setting's defence;
    ``attack_names`` tells which. ``knob`` is
    ``precision``, the name of the defence or, for the undefended float32 setting where all begin,
    empty.
    """
    leakage = run.leakage[run.leakage["stage"] == EARLIEST]
    leakage = _with_segmentation(leakage, run.segmentation)
    if leakage.empty:
        return pd.DataFrame()
    rows = []
    for _, curve in leakage.groupby(CURVE, dropna=False):
        if len(curve[PIPELINE].drop_duplicates()) < 2:
            continue
        fair = comparable(curve)
        points = oracle_summary(adaptive(fair, trained_through_defence))
        if not points.empty:
            real = fair[~fair["attack_kind"].isin(CONTROLS)]
            rows.append(points.assign(attack_names=", ".join(sorted(real["attack"].unique()))))
    if not rows:
        return pd.DataFrame()
    points = pd.concat(rows, ignore_index=True)
    scores = [f"{m}{end}" for m in PER_INSTANCE for end in ("", "_low", "_high")]
    points = points.merge(summarize(run)[[*PIPELINE, "instances", *scores]], on=PIPELINE)
    points["knob"] = [knob(row) for _, row in points.iterrows()]
    points["setting"] = [_setting(row) for _, row in points.iterrows()]
    points["order"] = [order(row) for _, row in points.iterrows()]
    return points.sort_values([*CURVE, "order"], ignore_index=True)


def comparable(curve: pd.DataFrame) -> pd.DataFrame:
    """The rows of attacks and floors that every pipeline of a curve was put to; all ceilings.

    An attack made against one defence counts there, and need not be tried elsewhere.
    """
    pipelines = len(curve[PIPELINE].drop_duplicates())
    counts = curve[[*PIPELINE, "attack"]].drop_duplicates()["attack"].value_counts()
    everywhere = curve["attack"].isin(counts[counts == pipelines].index)
    fair = everywhere | (curve["attack_kind"] == CEILING) | _made_against(curve)
    return curve[fair]


def _made_against(curve: pd.DataFrame) -> pd.Series:
    """Whether each row is of an attack made against the row's defence."""
    made = pd.Series(False, curve.index)
    for name, attack in ATTACKS.items():
        if attack.undoes:
            made |= (curve["attack"] == name) & curve["defence"].isin(attack.undoes)
    return made


def _with_segmentation(leakage: pd.DataFrame, segmentation: pd.DataFrame) -> pd.DataFrame:
    scored = segmentation[PIPELINE].drop_duplicates()
    return leakage.merge(scored, on=PIPELINE)


def knob(row: pd.Series) -> str:
    """What sets a pipeline apart from the undefended one in float32; empty for that one."""
    if row["defence"] != "none":
        return _on_payload(str(row["defence"]), row)
    return "" if row["payload"] == "float32" else PRECISION


def _setting(row: pd.Series) -> str:
    if row["defence"] == "none":
        return str(row["payload"])
    return _on_payload(f"{row['defence']} {row['strength']:g}", row)


def _on_payload(name: str, row: pd.Series) -> str:
    return name if row["payload"] == "float32" else f"{name} on {row['payload']}"


def order(row: pd.Series) -> tuple[Any, ...]:
    """Sorts the settings of a knob from the weakest on."""
    known = row["payload"] in PAYLOADS
    place = PAYLOADS.index(row["payload"]) if known else len(PAYLOADS)
    return knob(row), float(row["strength"]), place
