"""Every attack side by side, with intervals, floors and ceiling."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attacks.controls.matching import swapped_twins
from bench.report.aggregate.failed import failed_columns, with_failures
from bench.report.aggregate.leakage import (
    adaptive,
    attack_scores,
    attack_summary,
    oracle_scores,
    plain,
)
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import main_cell
from bench.report.data import CEILING, CELL, EARLIEST, REGIONS, RunData
from bench.report.render.palette import family_colour
from bench.report.render.style import WIDE, Theme, canvas
from bench.report.render.table import Column, Table
from bench.report.topics.columns import (
    CAP,
    INTERVALS,
    constant_settings,
    ordered,
    sentences,
    setting_columns,
    source,
)
from bench.report.topics.leakage.worst_case import (
    HIDDEN,
    IN_CSV,
    gain_column,
    metrics_of,
    per_cell,
    score_column,
    with_exposure,
)
from bench.report.words import measure, readable, setting_words, shown_metrics

ORACLE = "oracle"
ORACLE_NAME = "worst case (oracle)"
PANELS = ("hidden", "visible")
SINGLE = (
    "Gain: paired difference to the floor that leaks most on average in that cell, region and "
    "metric, positive where the attack leaks more."
)
IN_A_ROW = 4
"""Panels side by side; where there are more, each region has a row of its own."""


@TABLES.register("attacks")
class AttacksTable(ReportTable):
    """Table 2, attack by attack, floors and ceiling among them."""

    title = "Leakage by attack, floors and ceiling"
    empty = "This run attacked nothing."
    place = 6

    def build(self, run: RunData) -> Table:
        keys = [*CELL, "attack", "attack_kind", "training"]
        summary = _both_trainings(run)
        metrics = metrics_of(summary)
        frame = per_cell(summary, keys, ["mean", "gain", "gain_low", "gain_high"], ["images"])
        frame = with_exposure(frame, run)
        frame = with_failures(frame, run, [*CELL, "attack"])
        if not frame.empty:
            columns = dict.fromkeys([*frame, *keys, "images", "visible_fraction"])
            # Where every attack failed, some are not there.
            frame = frame.reindex(columns=list(columns)).fillna({"training": ""})
        order = [*CELL, "attack_kind", "attack", "training"]
        named = setting_columns(frame, [*CELL, "attack", "attack_kind", "training"])
        return self.table(
            ordered(frame, order),
            (
                *named,
                Column("visible_fraction", "Visible share", 3, "higher is worse for privacy"),
                *[c for m in metrics for c in (*_mean_columns(m, REGIONS), gain_column(m))],
                Column("images", "Images", 0),
                *failed_columns(frame),
            ),
            source=source(run),
            note=sentences(HIDDEN, SINGLE, CAP, INTERVALS, IN_CSV, constant_settings(frame, CELL)),
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


@FIGURES.register("attacks")
class AttacksFigure(ReportFigure):
    """Mean score and interval of each attack in one cell, in the hidden and visible regions."""

    title = "Every attack with floors and ceiling"
    caption = (
        "Mean over images with 95 % interval. Grey: floors, made of public photos, which know "
        "nothing of what is hidden; those that are an attack, handed another photo's windows, "
        "stand in the table alone. Green and purple: classic and learned inpainting from the "
        "windows seen. Blue and amber: inversion of tokens, window by window and of the whole "
        "picture. Orange: per image the attack that leaks most, an oracle bound. At the foot: the "
        "ceiling, a centralized server, which holds the picture. To the right is more leakage in "
        "every panel: lower LPIPS means more, so its axis is reversed."
    )
    empty = "This run attacked nothing."
    place = 5

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        cell = main_cell(plain(run.leakage), run.config)
        if cell is None:
            return None
        wanted = pd.DataFrame([cell])
        oracle = oracle_scores(run).merge(wanted, on=list(cell))
        oracle = oracle.assign(attack=ORACLE_NAME, attack_kind=ORACLE)
        single = attack_scores(run)
        single = single[~single["attack"].isin(swapped_twins())]
        summary = pd.concat([single.merge(wanted, on=list(cell)), oracle])
        panels = [
            (region, metric)
            for region in PANELS
            for metric in shown_metrics(summary["metric"])
            if _panel(summary, region, metric)["mean"].notna().any()
        ]
        if not panels:
            return None
        names = _names(summary)
        rows = [panels]
        if len(panels) > IN_A_ROW:
            rows = [[panel for panel in panels if panel[0] == region] for region in PANELS]
            rows = [row for row in rows if row]
        figure = canvas(
            WIDE,
            0.4 + (0.5 + 0.19 * len(names)) * len(rows),
            f"What {cell['coalition']} of {cell['n_shards']} shards get back "
            f"({setting_words(cell)})",
        )
        columns = max(map(len, rows))
        grid = figure.subplots(len(rows), columns, sharey=True, squeeze=False)
        spots = [
            (axes, panel)
            for line, row in zip(grid, rows, strict=True)
            for axes, panel in zip(line, [*row, *[None] * (columns - len(row))], strict=True)
        ]
        for axes, panel in spots:
            if panel is None:
                axes.set_axis_off()
                continue
            region, metric = panel
            _draw(axes, _panel(summary, region, metric), names, theme)
            axes.set_title(f"{region.capitalize()} {measure(metric).heading}")
            axes.set_xlabel("more leakage  →")
            _clip_ceiling(axes, _panel(summary, region, metric), names, theme)
            if not measure(metric).higher_is_worse:
                axes.invert_xaxis()
        return figure


def _panel(summary: pd.DataFrame, region: str, metric: str) -> pd.DataFrame:
    return summary[(summary["region"] == region) & (summary["metric"] == metric)]


def _names(summary: pd.DataFrame) -> list[str]:
    """Attacks from top to bottom: floors, attacks, the worst case of them, the ceiling."""
    unique = summary[["attack", "attack_kind"]].drop_duplicates()
    order = ("floor", "inpainting", "inversion", ORACLE, "ceiling")
    place = unique["attack_kind"].map({kind: i for i, kind in enumerate(order)}).fillna(2.5)
    return list(unique.assign(place=place).sort_values(["place", "attack"])["attack"])


def _draw(axes: Axes, rows: pd.DataFrame, names: list[str], theme: Theme) -> None:
    for _, row in rows.iterrows():
        colour = family_colour(row["attack"], row["attack_kind"], theme)
        y = names.index(row["attack"])
        if pd.notna(row["mean_low"]):
            axes.plot([row["mean_low"], row["mean_high"]], [y, y], color=colour, linewidth=1.6)
        marker = "D" if row["attack_kind"] == ORACLE else "o"
        axes.plot(row["mean"], y, marker=marker, color=colour, markersize=4.5)
    axes.set_yticks(range(len(names)), [readable(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _clip_ceiling(axes: Axes, rows: pd.DataFrame, names: list[str], theme: Theme) -> None:
    """Leave a far ceiling outside the axis, so that the attacks can be told apart."""
    others = rows.loc[rows["attack_kind"] != CEILING, ["mean", "mean_low", "mean_high"]]
    ceiling = rows[rows["attack_kind"] == CEILING]
    if others.empty or ceiling.empty:
        return
    low, high = float(others.min().min()), float(others.max().max())
    value = float(ceiling["mean"].iloc[0])
    pad = 0.08 * (high - low) or 1.0
    if low - 3 * pad <= value <= high + 3 * pad:
        return
    axes.set_xlim(low - pad, high + pad)
    axes.annotate(
        f"{value:.3g} →",
        (0.99, names.index(ceiling["attack"].iloc[0])),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="center",
        color=theme.kinds[CEILING],
    )


def _mean_columns(metric: str, regions: Sequence[str]) -> list[Column]:
    return [
        score_column(
            f"{region}_{metric}_mean", f"{region.capitalize()} {measure(metric).heading}", metric
        )
        for region in regions
    ]
