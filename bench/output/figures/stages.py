"""Leakage by the stage that an attacker looks at."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.output.figures.plot import Plot
from bench.output.figures.style import NARROW, Theme, canvas, readable
from bench.output.leakage import attack_scores
from bench.output.rundata import EARLIEST, PIPELINE, RunData
from bench.output.tables.common import LEAKAGE_LABELS

REGION_LINES = {"visible": "-", "hidden": (0, (2, 1.5))}


def draw_stages(run: RunData, theme: Theme) -> Figure | None:
    """Visible and hidden leakage against the index of the first block run on the tokens seen."""
    summary = attack_scores(run)
    summary = summary[summary["stage"] != EARLIEST]
    if summary.empty:
        return None
    keys = [*PIPELINE, "coalition", "coalition_choice"]
    commonest = summary[keys].value_counts().reset_index().head(1)[keys]
    summary = summary.merge(commonest, on=keys)
    summary = summary.assign(block=summary["stage"].astype(int))
    metrics = [metric for metric in ("psnr", "lpips") if metric in set(summary["metric"])]
    figure = canvas(NARROW, 2.6, "Leakage by depth of the tokens seen")
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    for axes, metric in zip(panels, metrics, strict=True):
        _panel(axes, summary[summary["metric"] == metric], theme)
        axes.set_title(LEAKAGE_LABELS[metric][0])
        axes.set_xlabel("stage")
        if metric == "lpips":
            axes.set_ylabel("lower: more leakage", color=theme.muted)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, theme: Theme) -> None:
    attacks = sorted(rows["attack"].unique())
    for colour, attack in zip(theme.series, attacks, strict=False):
        for region, style in REGION_LINES.items():
            line = rows[(rows["attack"] == attack) & (rows["region"] == region)]
            line = line.sort_values("block")
            label = f"{readable(attack)}, {region}"
            spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
            look: dict[str, Any] = {
                "linestyle": style,
                "color": colour,
                "marker": "o",
                "elinewidth": 0.7,
            }
            axes.errorbar(line["block"], line["mean"], spread, label=label, **look)
    axes.set_xticks(sorted(rows["block"].unique()))


STAGES = Plot(
    "stages",
    "An attacker that looks at one stage only. Stage 0 is the embedded patches before any block; "
    "after the first global block every token has mixed with the whole image, so that windows "
    "never received could show. Lower LPIPS means more leakage. Bars: 95 % intervals over images.",
    draw_stages,
    "This run attacked no single stage.",
)
