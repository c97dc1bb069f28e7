"""Leakage by policy, number of shards and coalition; by attack; by stage."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.report.aggregate.leakage import (
    adaptive,
    attack_scores,
    attack_summary,
    oracle_scores,
    plain,
    visible_fractions,
)
from bench.report.data import CELL, EARLIEST, PIPELINE, REGIONS, RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import (
    CAP,
    INTERVALS,
    constant_settings,
    direction,
    ordered,
    sentences,
    setting_columns,
    source,
)
from bench.report.words import IN_CSV_ALONE, measure, ordered_metrics

ORACLE = (
    "Worst case: per image the attack that leaks most, then the mean, an oracle bound, since no "
    "attacker knows which one that is; it is compared with the floor that leaks most per image, "
    "likewise (Tried gives the numbers of attacks / floors: a maximum over more attacks than "
    "floors gains something by selection alone). Gain: paired difference to the floors, positive "
    "where the attacks leak more. Ceiling: the centralized plan, scored on the same region."
)
IN_CSV = "SSIM is in the CSV."
PLAIN = "Without defence, in float32 where measured; other settings are in privacy_utility."
SINGLE = (
    "Gain: paired difference to the floor that leaks most on average in that cell, region and "
    "metric, positive where the attack leaks more."
)
HIDDEN = (
    "Hidden, visible: windows that the coalition did not, or did, receive before the first global "
    "block. Each coalition is scored on its own hidden windows, which grow fewer with its size. "
    "Visible share: of the coalition that is attacked; where it was chosen as largest, that is the "
    "one with the largest share, and the average one has less."
)


def leakage_table(run: RunData) -> Table:
    """Table 2: the worst case over attacks by policy, number of shards and coalition."""
    summary = plain(oracle_scores(run))
    metrics = _metrics(summary)
    values = ["mean", "floor", "ceiling", "gain", "gain_low", "gain_high"]
    frame = _per_cell(summary, CELL, values, ["attacks", "floors", "images"])
    frame = _with_exposure(frame, run)
    if not frame.empty:
        frame["tried"] = [f"{a} / {f}" for a, f in zip(frame.attacks, frame.floors, strict=True)]
    return Table(
        name="leakage",
        title="Leakage by policy, number of shards and coalition: worst case over attacks",
        source=source(run),
        note=sentences(
            PLAIN, HIDDEN, ORACLE, CAP, INTERVALS, IN_CSV, constant_settings(frame, CELL)
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, CELL),
            Column("visible_fraction", "Visible share", 3, "higher is worse for privacy"),
            Column(
                "object_max_fraction",
                "Most of an object",
                3,
                "higher is worse for privacy",
                detail=True,
            ),
            Column("tried", "Tried", parts=("attacks", "floors")),
            *[c for metric in metrics for c in _oracle_columns(metric)],
            Column("images", "Images", 0),
        ),
        empty="This run attacked nothing.",
    )


def attacks_table(run: RunData) -> Table:
    """Table 2, attack by attack, floors and ceiling among them."""
    keys = [*CELL, "attack", "attack_kind", "training"]
    summary = _both_trainings(run)
    metrics = _metrics(summary)
    frame = _per_cell(summary, keys, ["mean", "gain", "gain_low", "gain_high"], ["images"])
    frame = _with_exposure(frame, run)
    order = [*CELL, "attack_kind", "attack", "training"]
    named = setting_columns(frame, [*CELL, "attack", "attack_kind", "training"])
    return Table(
        name="attacks",
        title="Leakage by attack, floors and ceiling",
        source=source(run),
        note=sentences(HIDDEN, SINGLE, CAP, INTERVALS, IN_CSV, constant_settings(frame, CELL)),
        frame=ordered(frame, order),
        columns=(
            *named,
            Column("visible_fraction", "Visible share", 3, "higher is worse for privacy"),
            *[c for m in metrics for c in (*_mean_columns(m, REGIONS), _gain(m))],
            Column("images", "Images", 0),
        ),
        empty="This run attacked nothing.",
    )


def _both_trainings(run: RunData) -> pd.DataFrame:
    """Scores of every attack; ``training`` tells those apart that were trained twice."""
    leakage = run.leakage[run.leakage["stage"] == EARLIEST]
    summary = attack_scores(run)
    summary = summary[summary["stage"] == EARLIEST].copy()
    other = attack_summary(adaptive(leakage, False))
    if summary.empty or other.empty:
        return summary.assign(training="")
    twice = leakage.loc[~leakage["adaptive"].fillna(True), [*CELL, "attack"]].drop_duplicates()
    marked = summary.merge(twice, on=[*CELL, "attack"], how="left", indicator="twice")
    summary["training"] = (marked["twice"] == "both").map({True: "adaptive", False: ""}).to_numpy()
    other = other.merge(twice, on=[*CELL, "attack"]).assign(training="not adaptive")
    return pd.concat([summary, other], ignore_index=True)


def _oracle_columns(metric: str) -> list[Column]:
    words = measure(metric).heading
    return [
        _score(f"hidden_{metric}_floor", f"Hidden {words}, floors", metric),
        _score(f"hidden_{metric}_mean", f"Hidden {words}, worst case", metric),
        _gain(metric),
        _score(f"hidden_{metric}_ceiling", f"Hidden {words}, ceiling", metric),
        _score(f"visible_{metric}_mean", f"Visible {words}, worst case", metric),
        _score(f"full_{metric}_mean", f"Full {words}, worst case", metric),
    ]


def _mean_columns(metric: str, regions: Sequence[str]) -> list[Column]:
    return [
        _score(
            f"{region}_{metric}_mean", f"{region.capitalize()} {measure(metric).heading}", metric
        )
        for region in regions
    ]


def _score(key: str, label: str, metric: str) -> Column:
    words = measure(metric)
    way = direction(metric, words.higher_is_worse)
    detail = metric in IN_CSV_ALONE
    return Column(key, label, words.decimals, way, measure=words.label, detail=detail)


def _gain(metric: str) -> Column:
    return Column(
        f"hidden_{metric}_gain",
        f"Hidden gain, {measure(metric).heading}",
        measure(metric).decimals,
        "higher is worse for privacy",
        interval=True,
        measure="gain",
        detail=metric in IN_CSV_ALONE,
    )


def _metrics(summary: pd.DataFrame) -> list[str]:
    return [] if summary.empty else ordered_metrics(summary["metric"])


def _per_cell(
    summary: pd.DataFrame, keys: list[str], values: list[str], once: list[str]
) -> pd.DataFrame:
    """One row per ``keys``, columns ``region_metric_value``; ``once`` is the same for all."""
    if summary.empty:
        return pd.DataFrame()
    named = summary.assign(score=summary["region"] + "_" + summary["metric"])
    wide = named.pivot(index=keys, columns="score", values=values)
    wide.columns = wide.columns.map(lambda pair: f"{pair[1]}_{pair[0]}")
    same = summary.groupby(keys, dropna=False)[once].max()
    wanted = [f"{r}_{m}_{v}" for r in REGIONS for m in _metrics(summary) for v in values]
    return wide.join(same).reindex(columns=[*wanted, *once]).reset_index()


def _with_exposure(frame: pd.DataFrame, run: RunData) -> pd.DataFrame:
    keys = [*PIPELINE, "coalition", "coalition_choice"]
    if frame.empty:
        return frame
    seen = visible_fractions(run).reindex(
        columns=[*keys, "visible_fraction", "object_max_fraction"]
    )
    merged = frame.merge(seen.astype(frame[keys].dtypes.to_dict()), on=keys, how="left")
    return ordered(merged, CELL)
