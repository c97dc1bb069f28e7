"""Attacks by what they work with, so that a curve stands for several."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attacks.base import ATTACKS
from bench.report.aggregate.leakage import higher_is_worse
from bench.report.data import FLOOR
from bench.report.statistics import scene_means, worst_rows

CLASSIC = frozenset({"telea", "navier_stokes", "biharmonic", "push_pull"})
BEST_FLOOR = "best floor"
CLASSIC_INPAINTING, LEARNED_INPAINTING = "classic inpainting", "learned inpainting"
WINDOWS, WHOLE = "inversion of windows", "whole-picture decoder"
FAMILIES = (BEST_FLOOR, CLASSIC_INPAINTING, LEARNED_INPAINTING, WINDOWS, WHOLE)


def family(attack: str, kind: str) -> str:
    """The family of an attack; an unknown kind stands for itself."""
    if kind == FLOOR:
        return BEST_FLOOR
    if kind == "inpainting":
        return CLASSIC_INPAINTING if attack in CLASSIC else LEARNED_INPAINTING
    if kind != "inversion":
        return kind
    known = dict(ATTACKS.items()).get(attack)
    return WHOLE if known is not None and known.every_round else WINDOWS


def family_scores(leakage: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """One row per ``keys``, ``family``, region and metric: mean over photos and its interval.

    Per photo the family's attack that leaks most counts, attacker seeds averaged.
    """
    if leakage.empty:
        return pd.DataFrame()
    pairs = leakage[["attack", "attack_kind"]].drop_duplicates()
    pairs["family"] = [family(*pair) for pair in pairs.to_numpy().tolist()]
    rows = leakage.merge(pairs, on=["attack", "attack_kind"])
    wanted = [*keys, "family", "region", "metric"]
    parts = [
        scene_means(worst_rows(group, wanted, higher_is_worse(str(metric))), wanted)
        for metric, group in rows.groupby("metric")
    ]
    return pd.concat(parts, ignore_index=True)
