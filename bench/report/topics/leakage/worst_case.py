"""Leakage by policy, number of shards and coalition; by attack; by stage."""

from __future__ import annotations

import pandas as pd

from bench.report.aggregate.leakage import (
    oracle_scores,
    plain,
    visible_fractions,
)
from bench.report.base import TABLES, ReportTable
from bench.report.data import CELL, PIPELINE, REGIONS, RunData
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
from bench.report.words import measure, ordered_metrics

ORACLE = (
    "Worst case: per image the attack that leaks most, then the mean, an oracle bound, since no "
    "attacker knows which one that is; it is compared with the floor that leaks most per image, "
    "likewise (Tried gives the numbers of attacks / floors: a maximum over more attacks than "
    "floors gains something by selection alone). Gain: paired difference to the floors, positive "
    "where the attacks leak more. Ceiling: the centralized plan, scored on the same region."
)
IN_CSV = "SSIM is in the CSV."
PLAIN = "Without defence, in float32 where measured; other settings are in privacy_utility."
HIDDEN = (
    "Hidden, visible: windows that the coalition did not, or did, receive before the first global "
    "block. Each coalition is scored on its own hidden windows, which grow fewer with its size. "
    "Visible share: of the coalition that is attacked; where it was chosen as largest, that is the "
    "one with the largest share, and the average one has less."
)


@TABLES.register("leakage")
class LeakageTable(ReportTable):
    """Table 2: the worst case over attacks by policy, number of shards and coalition."""

    title = "Leakage by policy, number of shards and coalition: worst case over attacks"
    empty = "This run attacked nothing."
    place = 4

    def build(self, run: RunData) -> Table:
        summary = plain(oracle_scores(run))
        metrics = metrics_of(summary)
        values = ["mean", "floor", "ceiling", "gain", "gain_low", "gain_high"]
        frame = per_cell(summary, CELL, values, ["attacks", "floors", "images"])
        frame = with_exposure(frame, run)
        if not frame.empty:
            frame["tried"] = [
                f"{a} / {f}" for a, f in zip(frame.attacks, frame.floors, strict=True)
            ]
        return self.table(
            frame,
            (
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
            source=source(run),
            note=sentences(
                PLAIN, HIDDEN, ORACLE, CAP, INTERVALS, IN_CSV, constant_settings(frame, CELL)
            ),
        )


def _oracle_columns(metric: str) -> list[Column]:
    words = measure(metric).heading
    return [
        score_column(f"hidden_{metric}_floor", f"Hidden {words}, floors", metric),
        score_column(f"hidden_{metric}_mean", f"Hidden {words}, worst case", metric),
        gain_column(metric),
        score_column(f"hidden_{metric}_ceiling", f"Hidden {words}, ceiling", metric),
        score_column(f"visible_{metric}_mean", f"Visible {words}, worst case", metric),
        score_column(f"full_{metric}_mean", f"Full {words}, worst case", metric),
    ]


def score_column(key: str, label: str, metric: str) -> Column:
    words = measure(metric)
    way = direction(metric, words.higher_is_worse)
    return Column(key, label, words.decimals, way, measure=words.label, detail=words.csv_alone)


def gain_column(metric: str) -> Column:
    return Column(
        f"hidden_{metric}_gain",
        f"Hidden gain, {measure(metric).heading}",
        measure(metric).decimals,
        "higher is worse for privacy",
        interval=True,
        measure="gain",
        detail=measure(metric).csv_alone,
    )


def metrics_of(summary: pd.DataFrame) -> list[str]:
    return [] if summary.empty else ordered_metrics(summary["metric"])


def per_cell(
    summary: pd.DataFrame, keys: list[str], values: list[str], once: list[str]
) -> pd.DataFrame:
    """One row per ``keys``, columns ``region_metric_value``; ``once`` is the same for all."""
    if summary.empty:
        return pd.DataFrame()
    named = summary.assign(score=summary["region"] + "_" + summary["metric"])
    wide = named.pivot(index=keys, columns="score", values=values)
    wide.columns = wide.columns.map(lambda pair: f"{pair[1]}_{pair[0]}")
    same = summary.groupby(keys, dropna=False)[once].max()
    wanted = [f"{r}_{m}_{v}" for r in REGIONS for m in metrics_of(summary) for v in values]
    return wide.join(same).reindex(columns=[*wanted, *once]).reset_index()


def with_exposure(frame: pd.DataFrame, run: RunData) -> pd.DataFrame:
    keys = [*PIPELINE, "coalition", "coalition_choice"]
    if frame.empty:
        return frame
    seen = visible_fractions(run).reindex(
        columns=[*keys, "visible_fraction", "object_max_fraction"]
    )
    merged = frame.merge(seen.astype(frame[keys].dtypes.to_dict()), on=keys, how="left")
    return ordered(merged, CELL)
