"""How leakage moves with the stage that an attacker looks at, and what that costs."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.report.aggregate.leakage import adaptive, attack_scores, gain_over, image_tables
from bench.report.data import CELL, EARLIEST, PIPELINE, RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import (
    CAP,
    INTERVALS,
    direction,
    ordered,
    sentences,
    setting_columns,
    source,
)
from bench.report.words import measure, shown_metrics

RIDGE = "ridge"
REGIONS = ("visible", "hidden")
WORSE: Final = "higher is worse for privacy"
KEYS = [*CELL, "attack"]


def stage_scores(run: RunData) -> pd.DataFrame:
    """`attack_scores` of attackers that look at one stage, its index in ``block``."""
    summary = attack_scores(run)
    summary = summary[summary["stage"] != EARLIEST]
    return summary.assign(block=summary["stage"].astype(int))


def stage_seconds(run: RunData) -> pd.DataFrame:
    """Mean seconds that one reconstruction took, by cell and attack; training is not counted."""
    rows = run.scores[(run.scores["stage"] != EARLIEST) & (run.scores["region"] == "full")]
    rows = adaptive(rows[rows["stage"].notna()])
    means = rows.groupby(KEYS, dropna=False)["seconds"].mean()
    return means.astype(float).reset_index()


def stages_table(run: RunData) -> Table:
    """Table of leakage by stage, every attack beside ridge and with its cost."""
    frame = _frame(run)
    settings = setting_columns(frame, [*PIPELINE, "coalition", "coalition_choice", "attack"])
    return Table(
        name="stages",
        title="Leakage by stage: the index of the first block run on the tokens seen",
        source=source(run),
        note=sentences(
            "Stage 0: embedded patches before any block; even stages were received where blocks "
            "come in pairs, odd ones are what a shard's own block gives. Over ridge: paired gain "
            "in visible PSNR over the linear inverse of the same stage. Seconds: of one "
            "reconstruction on this run's machine; training is not counted.",
            CAP,
            INTERVALS,
        ),
        frame=frame,
        columns=(
            *settings,
            Column("block", "Stage", parts=("stage",)),
            *_columns(frame, "visible"),
            Column("over_ridge", "PSNR over ridge (dB)", 2, WORSE, True),
            *_columns(frame, "hidden"),
            Column("seconds", "Seconds a picture", 3),
            Column("images", "Images", 0),
        ),
        empty="This run attacked no single stage.",
    )


def _columns(frame: pd.DataFrame, region: str) -> list[Column]:
    """A column for each metric of a region; the hidden one is left to CSV."""
    scored = (str(name) for name in frame if str(name).startswith(f"{region}_"))
    columns = []
    for metric in shown_metrics(name.removeprefix(f"{region}_") for name in scored):
        words, key = measure(metric), f"{region}_{metric}"
        heading, way = f"{region.capitalize()} {words.heading}", words.higher_is_worse
        columns.append(
            Column(
                key,
                heading,
                words.decimals,
                direction(metric, way),
                True,
                words.label,
                detail=region == "hidden",
            )
        )
    return columns


def _frame(run: RunData) -> pd.DataFrame:
    scores = stage_scores(run)
    if scores.empty:
        return pd.DataFrame()
    named = scores.assign(score=scores["region"] + "_" + scores["metric"])
    scored = [f"{region}_{m}" for region in REGIONS for m in shown_metrics(scores["metric"])]
    named = named[named["score"].isin(scored)]
    ends = ["mean", "mean_low", "mean_high"]
    wide = named.pivot(index=[*KEYS, "block"], columns="score", values=ends)
    wide.columns = wide.columns.map(lambda pair: pair[1] + pair[0].removeprefix("mean"))
    images = named.groupby([*KEYS, "block"], dropna=False)["images"].max()
    wanted = [f"{score}{end}" for score in scored for end in ("", "_low", "_high")]
    frame = wide.join(images).reindex(columns=[*wanted, "images"]).reset_index()
    frame = frame.merge(_over_ridge(run), on=KEYS, how="left")
    frame = frame.merge(stage_seconds(run), on=KEYS, how="left")
    return ordered(frame, [*PIPELINE, "coalition", "coalition_choice", "attack", "block"])


def _over_ridge(run: RunData) -> pd.DataFrame:
    rows = adaptive(run.leakage)
    rows = rows[(rows["stage"] != EARLIEST) & (rows["region"] == "visible")]
    found = []
    for table in image_tables(rows[rows["metric"] == "psnr"]):
        ridge = table.place(RIDGE)
        for attack, values in zip(table.attacks, table.scores, strict=True):
            floor = None if ridge is None or attack == RIDGE else table.scores[ridge]
            gain = gain_over(values, floor, table.worse)
            ends = {f"over_ridge{end}": gain[f"gain{end}"] for end in ("", "_low", "_high")}
            found.append({key: table.keys[key] for key in CELL} | {"attack": attack} | ends)
    columns = [*KEYS, "over_ridge", "over_ridge_low", "over_ridge_high"]
    return pd.DataFrame(found, columns=columns)
