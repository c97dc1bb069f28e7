"""Defences on one page: mIoU that is kept against leakage, a panel for each metric."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.aggregate.curves import PRECISION, curve_points
from bench.report.aggregate.equal_utility import RANKED_AT, Ladder
from bench.report.base import FIGURES, ReportFigure
from bench.report.data import RunData
from bench.report.render.style import DOTTED, LABEL_SIZE, WIDE, Theme, canvas, lay_out, legend_below
from bench.report.statistics import LEVEL, Floats, cluster_draws
from bench.report.topics.utility.main_curve import MOST, REGION, main_ladders, ranked
from bench.report.words import defence_label, measure, shown_metrics

MARKS = "o^DvP"
Look = dict[str, Any]
Looks = dict[str, Look]


@FIGURES.register("relative_utility")
class RelativeUtilityFigure(ReportFigure):
    """Share of the undefended mIoU against the strongest attack's leakage."""

    title = "What defences keep of mIoU, and what they leak"
    caption = (
        "Each curve is one defence from no strength (square) on. Up is more of the undefended "
        "mIoU, left is less leakage of the windows received, to the strongest attack for each "
        "image of those that every setting was put to; the star marks the ideal corner. Bands and "
        "bars: 95 % intervals of leakage and of mIoU over images. Dotted: the floor that public "
        "photos reach and, where it was run, the ceiling of everything sent. All numbers stand in "
        "the table equal_utility."
    )
    empty = "This run has no defence beside an undefended setting with segmentation."
    place = 2

    def caption_of(self, run: RunData) -> str:
        curves = len({ladder.knob for ladder in main_ladders(run, REGION)})
        if curves <= MOST:
            return self.caption
        return (
            f"{self.caption} In colour the {MOST} that leak least where {RANKED_AT:.0%} of the "
            f"mIoU is lost, the other {curves - MOST} in grey."
        )

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        ladders = main_ladders(run, REGION)
        metrics = shown_metrics(ladder.keys["metric"] for ladder in ladders)
        if not metrics:
            return None
        figure = canvas(WIDE, 3.4, "mIoU kept against leakage of the windows received")
        row = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        looks = _looks(ladders, metrics[0], theme)
        for axes, metric in zip(row, metrics, strict=True):
            own = [ladder for ladder in ladders if ladder.keys["metric"] == metric]
            _panel(axes, own, looks, theme)
            _ceiling(axes, run, own[0], theme)
        row[0].set_ylabel("share of the undefended mIoU, box prompt")
        handles, labels = row[0].get_legend_handles_labels()
        legend_below(figure, handles, labels)
        lay_out(figure)
        return figure


def _looks(ladders: list[Ladder], metric: str, theme: Theme) -> Looks:
    """Colours and marks of the defences that leak least at equal utility, in one metric."""
    best = ranked(ladders, metric)[:MOST]
    return {
        ladder.knob: {"color": colour, "marker": mark}
        for ladder, colour, mark in zip(best, theme.series, MARKS, strict=False)
    }


def _panel(axes: Axes, ladders: list[Ladder], looks: Looks, theme: Theme) -> None:
    of, sign = measure(ladders[0].keys["metric"]), ladders[0].sign
    axes.set_xlabel(f"{of.heading}{'' if sign > 0 else ', axis reversed'}  →  more leakage")
    if sign < 0:
        axes.invert_xaxis()
    for ladder in sorted(ladders, key=lambda ladder: ladder.knob in looks):
        _curve(axes, ladder, looks.get(ladder.knob), theme)
    start, floor = ladders[0].leakage[0].mean() * sign, ladders[0].floor.mean() * sign
    axes.plot(start, 1, marker="s", color=theme.muted, linestyle="", zorder=4)
    if np.isfinite(floor):
        axes.axvline(floor, color=theme.muted, linestyle=DOTTED, linewidth=0.9)
        axes.plot(floor, 1, marker="*", markersize=13, color=theme.kinds["ceiling"], clip_on=False)
        axes.annotate(
            "ideal", (floor, 1), xytext=(7, 5), textcoords="offset points", fontsize=LABEL_SIZE
        )


def _curve(axes: Axes, ladder: Ladder, look: Look | None, theme: Theme) -> None:
    utility, leakage, _ = ladder.means()
    kept, mean = (utility / utility[0])[:, 0], ladder.sign * leakage[:, 0]
    if look is None:
        axes.plot(mean, kept, color=theme.muted, alpha=0.35, linewidth=0.9)
        return
    lost, drawn, _ = ladder.means(cluster_draws(len(ladder.images)))
    axes.fill_betweenx(
        kept, *_bounds(ladder.sign * drawn), color=look["color"], alpha=0.12, linewidth=0
    )
    axes.vlines(mean, *_bounds(lost / lost[0]), color=look["color"], alpha=0.45, linewidth=0.8)
    axes.plot(mean, kept, **look, markersize=3.5, label=_label(ladder.knob))


def _bounds(draws: Floats) -> Floats:
    """Lower and upper end of the 95 % interval of each setting: [2, settings]."""
    tail = (1 - LEVEL) / 2
    bounds: Floats = np.quantile(draws, [tail, 1 - tail], axis=1)
    return bounds


def _ceiling(axes: Axes, run: RunData, ladder: Ladder, theme: Theme) -> None:
    points = curve_points(run)
    wanted = {name: value for name, value in ladder.keys.items() if name in points}
    rows = points[(points[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    ceiling = rows["ceiling"].dropna()
    if not ceiling.empty:
        colour = theme.kinds["ceiling"]
        axes.axvline(float(ceiling.mean()), color=colour, linestyle=DOTTED, linewidth=0.9)


def _label(knob: str) -> str:
    return PRECISION if knob == PRECISION else defence_label(knob.partition(" on ")[0])
