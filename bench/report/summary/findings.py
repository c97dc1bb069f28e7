"""What a run found: the few facts that head its report, computed from its records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from bench.report.aggregate.leakage import attack_scores, oracle_scores, plain, visible_fractions
from bench.report.aggregate.segmentation import paired_cost, summarize
from bench.report.choice import main_cell
from bench.report.data import CELL, PIPELINE, RunData
from bench.report.statistics import Interval
from bench.report.topics.exposure import average_shares
from bench.report.topics.leakage.coalition import coalition_summary, strongest_attack
from bench.report.topics.utility.defence_strength import strengths_of
from bench.report.topics.utility.main_curve import chosen_points

AFFORDABLE = 0.05
"""Loss of mIoU up to which a defence counts as affordable."""
ALIKE = 1e-3
"""Difference of mIoU up to which assignments count as giving the same masks."""
SAME = [name for name in CELL if name not in ("n_shards", "coalition")]
"""What the cases of a sentence share with the main cell."""


@dataclass(frozen=True)
class Exposure:
    """What one shard of a policy sees, and gets back of what it does not see.

    Attributes:
        shards: that share the work.
        policy: that assigns the windows.
        choice: how the shard was chosen, of `bench.spec.cells.COALITION_CHOICES`.
        visible: mean share of the picture that the shard received.
        average: that of all shards; None where it is not known.
        hidden, seen: rows of `oracle_scores` by metric, of the hidden and visible regions.
    """

    shards: int
    policy: str
    choice: str
    visible: float | None
    average: float | None
    hidden: dict[str, pd.Series]
    seen: dict[str, pd.Series]


@dataclass(frozen=True)
class Protection:
    """What one strength of a defence costs and saves.

    Attributes:
        defence: its registered name.
        strength: in the defence's own unit.
        cost: loss of mIoU, box prompts.
        before, after: visible PSNR (dB) of the worst case over attacks, without and with it.
    """

    defence: str
    strength: float
    cost: Interval
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Growth:
    """How one attack's scores grow from one shard to the largest coalition that hides something.

    Attributes:
        one, many: rows of `coalition_summary`.
        deviation: the measured full PSNR minus the formula's (dB), where they differ most.
    """

    one: pd.Series
    many: pd.Series
    deviation: float


@lru_cache(maxsize=4)
def exposures(run: RunData) -> list[Exposure]:
    """Single shards of several, of the policy whose pictures the run keeps, for each number."""
    scores = plain(oracle_scores(run))
    if not scores.empty:
        scores = scores[(scores["coalition"] == 1) & (scores["n_shards"] > 1)]
    cell = main_cell(plain(run.leakage), run.config)
    if scores.empty or cell is None:
        return []
    for key in SAME:
        scores = scores[scores[key] == cell[key]]
    seen = visible_fractions(run)
    averages = _averages(seen[seen["policy"] == cell["policy"]], cell)
    cases = []
    for shards, rows in scores.groupby("n_shards"):
        keys = [*PIPELINE, "coalition", "coalition_choice"]
        shares = seen.merge(rows[keys].drop_duplicates(), on=keys)["visible_fraction"].dropna()
        visible = None if shares.empty else float(shares.iloc[0])
        average = averages.get((str(cell["policy"]), int(str(shards))))
        cases.append(
            Exposure(
                int(str(shards)),
                str(cell["policy"]),
                str(cell["coalition_choice"]),
                visible,
                average,
                _by_metric(rows, "hidden"),
                _by_metric(rows, "visible"),
            )
        )
    return cases


def _averages(seen: pd.DataFrame, cell: dict[str, Any]) -> dict[tuple[str, int], float]:
    """The average shard's share by policy and number of shards, where it is known."""
    alike = seen[(seen["plan"] == cell["plan"]) & (seen["defence"] == cell["defence"])]
    known = alike.assign(average=average_shares(alike)).dropna(subset=["average"])
    return known.groupby(["policy", "n_shards"])["average"].first().to_dict()


def _by_metric(rows: pd.DataFrame, region: str) -> dict[str, pd.Series]:
    here = rows[rows["region"] == region]
    return {str(row["metric"]): row for _, row in here.iterrows()}


def shared_row(run: RunData) -> pd.Series | None:
    """Segmentation of the undefended interleaved plan in float32.

    None where several assignments were scored that do not give the same masks.
    """
    if run.segmentation.empty:
        return None
    rows = summarize(run)
    rows = rows[
        (rows["plan"] == "interleaved")
        & (rows["payload"] == "float32")
        & (rows["defence"] == "none")
        & ~rows["adapted"].astype(bool)
    ].dropna(subset=["miou_box"])
    same = rows["miou_box"].max() - rows["miou_box"].min() < ALIKE if len(rows) else False
    return rows.iloc[0] if same else None


def growth(run: RunData) -> Growth | None:
    """Of the attack strongest on average, with the most shards of the policy pictured."""
    attack = strongest_attack(plain(attack_scores(run)))
    cell = main_cell(plain(run.leakage), run.config)
    rows = coalition_summary(run)
    if attack is None or cell is None or rows.empty:
        return None
    for key in SAME:
        rows = rows[rows[key] == cell[key]]
    rows = rows[(rows["attack"] == attack) & rows["off"].notna()].sort_values("coalition")
    rows = rows[rows["n_shards"] == rows["n_shards"].max()]
    if len(rows) < 2:
        return None
    deviation = float(rows["off"].iloc[int(rows["off"].abs().to_numpy().argmax())])
    return Growth(rows.iloc[0], rows.iloc[-1], deviation)


def affordable(run: RunData) -> list[Protection]:
    """Of each defence the strongest that costs less than `AFFORDABLE` mIoU; else the weakest."""
    points = chosen_points(run)
    if points.empty:
        return []
    points = points[points["n_shards"] == points["n_shards"].min()]
    before = _visible_psnr(points[points["knob"] == ""])
    found = []
    for defence, strengths in strengths_of(points).items():
        tried = []
        for strength in strengths:
            rows = points[(points["knob"] == defence) & (points["strength"] == strength)]
            cost = paired_cost(run, rows.iloc[0])
            if cost is not None:
                tried.append(Protection(defence, strength, cost, before, _visible_psnr(rows)))
        cheap = [protection for protection in tried if protection.cost.mean < AFFORDABLE]
        found += cheap[-1:] or tried[:1]
    return found


def _visible_psnr(points: pd.DataFrame) -> float | None:
    rows = points[(points["region"] == "visible") & (points["metric"] == "psnr")]
    return None if rows.empty else float(rows["mean"].iloc[0])
