"""Inpainting of hidden windows by how much is visible."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bench.output.families import CLASSIC_INPAINTING, LEARNED_INPAINTING
from bench.output.figures.collusion import commonest
from bench.output.figures.plot import Plot
from bench.output.figures.style import WIDE, Theme, canvas, readable
from bench.output.inpainting import MEAN_COLOUR, METRICS, inpainting_scores
from bench.output.rundata import RunData
from bench.output.tables.common import LEAKAGE_LABELS

MARKERS = "v^<>"


def draw_inpainting(run: RunData, theme: Theme) -> Figure | None:
    """Hidden PSNR and LPIPS against the visible share, a line for each inpainter."""
    scores = inpainting_scores(run)
    if scores.empty:
        return None
    scores = commonest(scores)
    if scores["visible_fraction"].nunique() < 2:
        return None
    metrics = [metric for metric in METRICS if metric in set(scores["metric"])]
    figure = canvas(WIDE, 3.0, "Inpainting of hidden windows, by how much is visible")
    looks = _looks(scores, theme)
    for axes, metric in zip(
        figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True
    ):
        _panel(axes, scores[scores["metric"] == metric], looks)
        axes.set_title(f"Hidden {LEAKAGE_LABELS[metric][0]}")
        if metric == "lpips":
            axes.set_ylabel("lower: more leakage", color=theme.muted)
        axes.set_xlabel("share of the picture that is visible")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _looks(scores: pd.DataFrame, theme: Theme) -> dict[str, dict[str, Any]]:
    """Grey for the mean colour, thin muted lines for classic methods, colours for learned ones."""
    looks: dict[str, dict[str, Any]] = {
        MEAN_COLOUR: {"color": theme.kinds["floor"], "linestyle": ":", "elinewidth": 0.7}
    }
    classic = sorted(set(scores.loc[scores["family"] == CLASSIC_INPAINTING, "attack"]))
    for name, marker in zip(classic, MARKERS, strict=False):
        quiet = {"linewidth": 0.8, "elinewidth": 0.5, "markersize": 2.5}
        looks[name] = {"color": theme.muted, "marker": marker, **quiet}
    learned = sorted(set(scores.loc[scores["family"] == LEARNED_INPAINTING, "attack"]))
    for name, colour in zip(learned, theme.series, strict=False):
        looks[name] = {"color": colour, "marker": "o", "elinewidth": 0.9}
    return looks


def _panel(axes: Axes, rows: pd.DataFrame, looks: dict[str, dict[str, Any]]) -> None:
    for attack, look in looks.items():
        line = rows[rows["attack"] == attack].sort_values("visible_fraction")
        spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
        axes.errorbar(
            line["visible_fraction"], line["mean"], spread, label=readable(attack), **look
        )


INPAINTING = Plot(
    "inpainting",
    "What fills in the windows that a coalition never received, from those that it did. Each point "
    "is one number of shards and one coalition, at the mean share of the picture that it sees. "
    "Higher PSNR and lower LPIPS mean more leakage. Colours: learned inpainters, trained for PSNR "
    "or, where named so, for LPIPS; grey lines with marks: classic methods; dotted: the public "
    "photos' mean colour. Bars: 95 % intervals over images.",
    draw_inpainting,
    "This run inpainted at fewer than two visible shares.",
)
