"""What a run found: the few facts that head its report, computed from its records."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.output.curves import NOISE
from bench.output.figures.attacks import main_cell
from bench.output.figures.coalition import strongest_attack
from bench.output.figures.utility import chosen_points
from bench.output.leakage import attack_scores, oracle_scores, plain, visible_fractions
from bench.output.rundata import PIPELINE, RunData
from bench.output.segmentation import paired_cost, summarize
from bench.output.tables.coalition import coalition_summary
from bench.statistics import Interval

AFFORDABLE = 0.05
"""Loss of mIoU up to which noise counts as affordable."""


@dataclass(frozen=True)
class Exposure:
    """What one shard of a policy sees, and gets back of what it does not see.

    Attributes:
        shards: that share the work.
        policy: that assigns the windows.
        visible: mean share of the picture that the shard received.
        hidden, seen: rows of `oracle_scores` by metric, of the hidden and visible regions.
    """

    shards: int
    policy: str
    visible: float | None
    hidden: dict[str, pd.Series]
    seen: dict[str, pd.Series]


@dataclass(frozen=True)
class Noise:
    """What one strength of noise costs and saves.

    Attributes:
        strength: relative to a token's standard deviation.
        cost: loss of mIoU, box prompts.
        before, after: visible PSNR (dB) of the worst case over attacks, without and with it.
    """

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


def exposures(run: RunData) -> list[Exposure]:
    """Single shards of several, of the policy whose pictures the run keeps, for each number."""
    scores = plain(oracle_scores(run))
    if not scores.empty:
        scores = scores[(scores["coalition"] == 1) & (scores["n_shards"] > 1)]
    cell = main_cell(plain(run.leakage), run.config)
    if scores.empty or cell is None:
        return []
    for key in ("plan", "payload", "policy", "coalition_choice"):
        scores = scores[scores[key] == cell[key]]
    seen = visible_fractions(run)
    cases = []
    for shards, rows in scores.groupby("n_shards"):
        keys = [*PIPELINE, "coalition", "coalition_choice"]
        shares = seen.merge(rows[keys].drop_duplicates(), on=keys)["visible_fraction"].dropna()
        visible = None if shares.empty else float(shares.iloc[0])
        cases.append(
            Exposure(
                int(str(shards)),
                str(cell["policy"]),
                visible,
                _by_metric(rows, "hidden"),
                _by_metric(rows, "visible"),
            )
        )
    return cases


def _by_metric(rows: pd.DataFrame, region: str) -> dict[str, pd.Series]:
    here = rows[rows["region"] == region]
    return {str(row["metric"]): row for _, row in here.iterrows()}


def shared_row(run: RunData) -> pd.Series | None:
    """Segmentation of the undefended interleaved plan in float32."""
    if run.segmentation.empty:
        return None
    rows = summarize(run)
    rows = rows[
        (rows["plan"] == "interleaved")
        & (rows["payload"] == "float32")
        & (rows["defence"] == "none")
        & ~rows["adapted"].astype(bool)
    ].dropna(subset=["miou_box"])
    return None if rows.empty else rows.iloc[0]


def growth(run: RunData) -> Growth | None:
    """Of the attack strongest on average, with the most shards of the policy pictured."""
    attack = strongest_attack(plain(attack_scores(run)))
    cell = main_cell(plain(run.leakage), run.config)
    rows = coalition_summary(run)
    if attack is None or cell is None or rows.empty:
        return None
    for key in ("plan", "payload", "policy", "coalition_choice"):
        rows = rows[rows[key] == cell[key]]
    rows = rows[(rows["attack"] == attack) & rows["off"].notna()].sort_values("coalition")
    rows = rows[rows["n_shards"] == rows["n_shards"].max()]
    if len(rows) < 2:
        return None
    deviation = float(rows["off"].iloc[int(rows["off"].abs().to_numpy().argmax())])
    return Growth(rows.iloc[0], rows.iloc[-1], deviation)


def affordable_noise(run: RunData) -> Noise | None:
    """The strongest noise that costs less than `AFFORDABLE` mIoU; else the weakest tried."""
    points = chosen_points(run)
    if points.empty:
        return None
    points = points[points["n_shards"] == points["n_shards"].min()]
    before = _visible_psnr(points[points["knob"] == ""])
    noises = []
    for strength, rows in points[points["knob"] == NOISE].groupby("strength"):
        cost = paired_cost(run, rows.iloc[0])
        if cost is not None:
            noises.append(Noise(float(str(strength)), cost, before, _visible_psnr(rows)))
    cheap = [noise for noise in noises if noise.cost.mean < AFFORDABLE]
    return cheap[-1] if cheap else next(iter(noises), None)


def _visible_psnr(points: pd.DataFrame) -> float | None:
    rows = points[(points["region"] == "visible") & (points["metric"] == "psnr")]
    return None if rows.empty else float(rows["mean"].iloc[0])
