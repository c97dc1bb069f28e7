"""What a defence of growing strength does to segmentation and to leakage."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.aggregate.curves import CURVE, curve_points
from bench.report.base import FIGURES, ReportFigure
from bench.report.data import RunData
from bench.report.render.style import WIDE, Theme, canvas, legend_below, reference_line
from bench.report.topics.utility.main_curve import chosen_points
from bench.report.topics.utility.privacy_utility import by_shards
from bench.report.words import defence_axis, defence_label, measure, shown_metrics


@FIGURES.register("noise")
class NoiseFigure(ReportFigure):
    """A row for each defence: mIoU and visible leakage by strength, adaptive attackers or not."""

    title = "What defences of growing strength cost and save"
    caption = (
        "A defence on every payload, a row for each. Left: segmentation with its 95 % interval "
        "over images. Then the worst case over attacks in the windows that the coalition "
        "received, for attackers trained through the defence (adaptive) "
        "and without it."
    )
    empty = "This run measured no defence at several strengths beside segmentation."
    place = 2

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        points = chosen_points(run)
        defences = strengths_of(points)
        if not defences:
            return None
        plain = curve_points(run, trained_through_defence=False)
        metrics = shown_metrics(points.loc[points["region"] == "visible", "metric"])
        names = " or ".join(defence_label(name) for name in defences)
        figure = canvas(
            WIDE,
            0.5 + 2.0 * len(defences),
            f"What {names} costs in segmentation, and what it saves of the windows seen",
        )
        grid = figure.subplots(len(defences), 1 + len(metrics), squeeze=False)
        for panels, defence in zip(grid, defences, strict=True):
            own = points[points["knob"].isin(["", defence])]
            other = plain[plain["defence"].isin(["none", defence])] if len(plain) else plain
            _utility(panels[0], own, theme)
            for axes, metric in zip(panels[1:], metrics, strict=True):
                _leakage(axes, own, other, theme, metric)
            for axes in panels:
                axes.set_xlabel(defence_axis(defence))
        handles, labels = grid[0, -1].get_legend_handles_labels()
        legend_below(figure, handles, labels, columns=4)
        return figure


def strengths_of(points: pd.DataFrame) -> dict[str, list[float]]:
    """The strengths of each defence on float32 tokens, by its registered name."""
    if points.empty:
        return {}
    defended = points[(points["defence"] != "none") & (points["knob"] == points["defence"])]
    return {
        str(name): sorted(float(strength) for strength in rows["strength"].unique())
        for name, rows in defended.groupby("defence")
    }


def _utility(axes: Axes, points: pd.DataFrame, theme: Theme) -> None:
    axes.set_title("mIoU, box prompt")
    for (_, curve), style in by_shards(points, theme):
        curve = curve.drop_duplicates("strength").sort_values("strength")
        axes.plot(curve["strength"], curve["miou_box"], marker="o", **style)
        if curve["miou_box_low"].notna().all():
            band = curve["strength"], curve["miou_box_low"], curve["miou_box_high"]
            axes.fill_between(*band, color=style["color"], alpha=0.1, linewidth=0)
    fill = points["miou_fill"].dropna()
    if not fill.empty:
        value = float(fill.mean())
        reference_line(axes, value, "filling the box", theme.muted, _clear_side(axes, value))


def _clear_side(axes: Axes, value: float) -> Literal["left", "right"]:
    """The side at which the curves keep farther from ``value``."""
    ends = [np.abs(np.asarray(line.get_ydata(), float)[[0, -1]] - value) for line in axes.lines]
    first, last = np.min(ends, axis=0)
    return "right" if last > first else "left"


def _leakage(
    axes: Axes, points: pd.DataFrame, plain: pd.DataFrame, theme: Theme, metric: str
) -> None:
    axes.set_title(f"Visible {measure(metric).heading}")
    axes.set_ylabel(measure(metric).hint, color=theme.muted)
    for (shards, curve), style in by_shards(points, theme):
        curve = _visible(curve, metric)
        label = f"{shards} shards, adaptive"
        axes.plot(curve["strength"], curve["mean"], marker="o", label=label, **style)
        if plain.empty:
            continue
        other = _visible(plain.merge(curve[CURVE].drop_duplicates(), on=CURVE), metric)
        other = other[other["payload"] == "float32"]
        axes.plot(
            other["strength"],
            other["mean"],
            marker="o",
            markerfacecolor=theme.paper,
            linestyle=(0, (2, 1.5)),
            **style,
            label=f"{shards} shards, not adaptive",
        )


def _visible(points: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = points[(points["region"] == "visible") & (points["metric"] == metric)]
    return rows.sort_values("strength")
