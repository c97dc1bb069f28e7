"""Worst cases over as many floors as attacks, so that neither side gains by selection alone."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attacks.base import ATTACKS
from attacks.controls.matching import control_of
from bench.report.aggregate.leakage import CONTROLS, ImageTable, gain_over, image_tables
from bench.report.data import FLOOR
from bench.report.statistics import worst_case

PAIRED = "worst of those with a control, against their controls"
EVERY = "worst of all, against as many controls"
Scores = NDArray[np.float64]


def matched_worst(seeded: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Worst cases of a run's `seeded` scores, each attacker seed a member of its own.

    In `PAIRED` every attack stands against its own control of the same seed
    (`attacks.controls.matching`); of attacks that share one the one that leaks most on average
    stands for all. In `EVERY` all attacks stand against all controls (all floors where there are
    none); of the larger group the mean over all choices of as many as the smaller has is taken, see
    `expected_worst`.

    Yields:
        Keys of the cell, region and metric; ``attack`` (`PAIRED` or `EVERY`), ``attacks`` and
        ``floors`` (how many there are), ``compared`` (how many of each), and mean, floor and gain.
    """
    members = seeded.assign(attack=[_member(*pair) for pair in seeded[["attack", "seed"]].values])
    for table in image_tables(members):
        pairs = _pairs(table)
        if pairs:
            attacks, floors = (table.scores[list(places)] for places in zip(*pairs, strict=True))
            yield _row(table, PAIRED, attacks, floors)
        attacks, floors = table.of(CONTROLS, False), _controls(table)
        if len(attacks) and len(floors):
            yield _row(table, EVERY, attacks, floors)


def expected_worst(scores: Scores, count: int, higher_is_worse: bool) -> Scores:
    """The worst of ``count`` attacks, in the mean over all ways to choose them.

    Args:
        scores: [attacks, images]; NaN where an attack has no score.
        count: from 1; where fewer have a score, all of those.

    Returns:
        [images]; NaN where no attack has a score.
    """
    sign = 1.0 if higher_is_worse else -1.0
    ordered = np.sort(sign * scores, axis=0)
    found = np.full(scores.shape[1], np.nan)
    known = (~np.isnan(scores)).sum(axis=0)
    for have in set(known.tolist()) - {0}:
        chosen = min(count, have)
        below = [comb(place, chosen - 1) / comb(have, chosen) for place in range(have)]
        images = known == have
        found[images] = sign * (np.array(below) @ ordered[:have, images])
    return found


def _row(table: ImageTable, name: str, attacks: Scores, floors: Scores) -> dict[str, Any]:
    count = min(len(attacks), len(floors))
    mine, theirs = (
        worst_case(side, table.worse)
        if len(side) == count
        else expected_worst(side, count, table.worse)
        for side in (attacks, floors)
    )
    sizes = {"attacks": len(attacks), "floors": len(floors), "compared": count}
    return {**table.keys, "attack": name, **sizes, **gain_over(mine, theirs, table.worse)}


def _pairs(table: ImageTable) -> list[tuple[int, int]]:
    """Rows of attacks and of their controls of the same seed, each control once."""
    strongest: dict[int, int] = {}
    sign = 1 if table.worse else -1
    for place, member in enumerate(table.attacks):
        name, _, seed = member.rpartition("@")
        control = table.place(_member(control_of(name), seed))
        if control is None:
            continue
        rival = strongest.setdefault(control, place)
        if sign * np.nanmean(table.scores[place]) > sign * np.nanmean(table.scores[rival]):
            strongest[control] = place
    return [(place, control) for control, place in strongest.items()]


def _controls(table: ImageTable) -> Scores:
    """Scores of the attacks' controls; of all floors where there is none."""
    controls = {control_of(name) for name in ATTACKS.names()}
    places = [i for i, name in enumerate(table.attacks) if name.rpartition("@")[0] in controls]
    return table.scores[places] if places else table.of((FLOOR,))


def _member(attack: object, seed: object) -> str:
    return f"{attack}@{seed}"
