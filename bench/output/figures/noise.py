"""What noise of growing strength does to segmentation and to leakage."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.output.curves import NOISE, curve_points
from bench.output.figures.plot import Plot
from bench.output.figures.style import WIDE, Theme, canvas, reference_line
from bench.output.figures.utility import by_shards, chosen_points
from bench.output.rundata import RunData
from bench.output.tables.common import LEAKAGE_LABELS


def draw_noise(run: RunData, theme: Theme) -> Figure | None:
    """mIoU and visible leakage over noise strength, adaptive attackers beside the others."""
    points = chosen_points(run)
    if points.empty or not (points["knob"] == NOISE).any():
        return None
    points = points[points["knob"].isin(["", NOISE])]
    plain = curve_points(run, trained_through_defence=False)
    metrics = [metric for metric in ("psnr", "lpips") if metric in set(points["metric"])]
    figure = canvas(
        WIDE, 2.5, "What noise costs in segmentation, and what it saves of the windows seen"
    )
    panels = figure.subplots(1, 1 + len(metrics), squeeze=False)[0]
    _utility(panels[0], points, theme)
    for axes, metric in zip(panels[1:], metrics, strict=True):
        _leakage(axes, points, plain, theme, metric)
    for axes in panels:
        axes.set_xlabel("noise strength (σ of a token)")
    handles, labels = panels[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


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
        reference_line(axes, float(fill.mean()), "filling the box", theme.muted)


def _leakage(
    axes: Axes, points: pd.DataFrame, plain: pd.DataFrame, theme: Theme, metric: str
) -> None:
    label, _ = LEAKAGE_LABELS[metric]
    axes.set_title(f"Visible {label}")
    if metric == "lpips":
        axes.set_ylabel("lower: more leakage", color=theme.muted)
    for (shards, curve), style in by_shards(points, theme):
        curve = _visible(curve, metric)
        label = f"{shards} shards, adaptive"
        axes.plot(curve["strength"], curve["mean"], marker="o", label=label, **style)
        if plain.empty:
            continue
        keys = ["plan", "policy", "n_shards", "coalition", "coalition_choice"]
        other = _visible(plain.merge(curve[keys].drop_duplicates(), on=keys), metric)
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


NOISE_PLOT = Plot(
    "noise",
    "Gaussian noise on every payload. Left: segmentation with its 95 % interval over images. Then "
    "the worst case over attacks in the windows that the coalition received, for attackers who "
    "trained through the noise (adaptive) and for those who did not.",
    draw_noise,
    "This run measured no noise.",
)
