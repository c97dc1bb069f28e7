"""How leakage moves with the stage that an attacker looks at, and what that costs."""

from __future__ import annotations

from itertools import cycle
from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.report.aggregate.families import BEST_FLOOR, WHOLE, family
from bench.report.aggregate.leakage import adaptive, attack_scores, gain_over, image_tables
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import commonest
from bench.report.data import CELL, EARLIEST, PIPELINE, RunData
from bench.report.render.palette import attack_looks
from bench.report.render.style import WIDE, Theme, canvas, legend_below
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
from bench.report.words import measure, readable, setting_words, shown_metrics

RIDGE = "ridge"
REGIONS = ("visible", "hidden")
WORSE: Final = "higher is worse for privacy"
OPEN = {"markerfacecolor": "none", "markersize": 8, "markeredgewidth": 1.2, "zorder": 5}
ROOM = 0.08
"""Above the highest mark, as a share of the axis."""
LOG_FROM = 30
"""Times the quickest attack's time from which an axis from 0 would hide it."""
KEYS = [*CELL, "attack"]
ORDER = ("pseudo_inverse", "ridge", "conv_decoder", "transformer_decoder", "optimise")


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


@TABLES.register("stages")
class StagesTable(ReportTable):
    """Table of leakage by stage, every attack beside ridge and with its cost."""

    title = "Leakage by stage: the index of the first block run on the tokens seen"
    empty = "This run attacked no single stage."
    place = 9

    def build(self, run: RunData) -> Table:
        frame = _frame(run)
        settings = setting_columns(frame, [*PIPELINE, "coalition", "coalition_choice", "attack"])
        return self.table(
            frame,
            (
                *settings,
                Column("block", "Stage", parts=("stage",)),
                *_columns(frame, "visible"),
                Column("over_ridge", "PSNR over ridge (dB)", 2, WORSE, True),
                *_columns(frame, "hidden"),
                Column("seconds", "Seconds a picture", 3),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Stage 0: embedded patches before any block; even stages were received where "
                "blocks come in pairs, odd ones are what a shard's own block gives. Over ridge: "
                "paired gain in visible PSNR over the linear inverse of the same stage. Seconds: "
                "of one reconstruction on this run's machine; training is not counted.",
                CAP,
                INTERVALS,
            ),
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


@FIGURES.register("stages")
class StagesFigure(ReportFigure):
    """Visible PSNR and LPIPS by stage, and seconds a picture, one line an attack."""

    title = "Leakage by stage"
    caption = (
        "An attacker that looks at one stage only. Stage 0 is the embedded patches before any "
        "block, stage k what goes into block k. Left: how well the windows received come back; "
        "higher PSNR and lower LPIPS mean more leakage. Right: what one reconstruction costs, "
        "training not counted. Colours tell attacks apart here, not their families; an attack "
        "that was tried at one stage alone is an open mark. Dotted: floors, made of public photos. "
        "Bars: 95 % intervals over images."
    )
    empty = "This run attacked no single stage."
    place = 6

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        scores = stage_scores(run)
        scores = scores[scores["region"] == "visible"]
        kinds = zip(scores["attack"], scores["attack_kind"], strict=True)
        scores = scores[[family(*pair) != WHOLE for pair in kinds]]
        if scores.empty:
            return None
        keys = [*PIPELINE, "coalition", "coalition_choice"]
        scores = commonest(scores, keys, run.config)
        cell = {key: scores[key].iloc[0] for key in keys}
        scores = scores.merge(stage_seconds(run), on=KEYS, how="left")
        metrics = shown_metrics(scores["metric"])
        timed = scores["seconds"].notna().any()
        figure = canvas(
            WIDE,
            2.75,
            f"Leakage of the windows that {cell['coalition']} of {cell['n_shards']} shards see, by "
            f"depth of the tokens seen ({setting_words(cell)})",
        )
        panels = figure.subplots(1, len(metrics) + bool(timed), squeeze=False)[0]
        looks = _looks(scores, theme)
        for axes, metric in zip(panels, metrics, strict=False):
            _leakage(axes, scores[scores["metric"] == metric], looks)
            axes.set_title(f"Visible {measure(metric).heading}")
            axes.set_ylabel(measure(metric).hint, color=theme.muted)
        if timed:
            _cost(panels[-1], scores[scores["metric"] == metrics[0]], looks)
        for axes in panels:
            axes.set_xticks(sorted(scores["block"].unique()))
            axes.set_xlabel("stage (block that runs next)")
        legend_below(figure, *panels[0].get_legend_handles_labels())
        return figure


def _looks(scores: pd.DataFrame, theme: Theme) -> dict[str, dict[str, Any]]:
    """Attacks in a fixed order, each in its colour, floors last."""
    kinds = dict(zip(scores["attack"], scores["attack_kind"], strict=True))

    def place(name: str) -> tuple[bool, int, str]:
        known = ORDER.index(name) if name in ORDER else len(ORDER)
        return family(name, kinds[name]) == BEST_FLOOR, known, name

    names = sorted(kinds, key=place)
    looks = attack_looks({name: kinds[name] for name in names}, theme)
    attacks = [name for name in names if family(name, kinds[name]) != BEST_FLOOR]
    for name, colour in zip(attacks, cycle(theme.series), strict=False):
        alone = scores.loc[scores["attack"] == name, "block"].nunique() == 1
        looks[name] |= {"color": colour} | (OPEN if alone else {})
    return looks


def _leakage(axes: Axes, rows: pd.DataFrame, looks: dict[str, dict[str, Any]]) -> None:
    for attack, look in looks.items():
        line = rows[rows["attack"] == attack].sort_values("block")
        spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
        label = readable(attack)
        axes.errorbar(line["block"], line["mean"], spread, label=label, elinewidth=0.7, **look)
    axes.margins(y=ROOM)


def _cost(axes: Axes, rows: pd.DataFrame, looks: dict[str, dict[str, Any]]) -> None:
    for attack, look in looks.items():
        line = rows[rows["attack"] == attack].sort_values("block")
        axes.plot(line["block"], 1000 * line["seconds"], **look)
    axes.set_title("Milliseconds a picture")
    taken = rows["seconds"].dropna()
    if taken.max() < LOG_FROM * taken.min():
        axes.set_ylim(0, (1 + ROOM) * 1000 * taken.max())
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
