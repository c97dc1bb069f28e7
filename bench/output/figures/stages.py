"""Leakage of the windows seen by the stage that an attacker looks at, and its cost."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.output.families import BEST_FLOOR, WHOLE, family
from bench.output.figures.plot import Plot
from bench.output.figures.style import WIDE, Theme, canvas, readable
from bench.output.rundata import PIPELINE, RunData
from bench.output.tables.common import LEAKAGE_LABELS
from bench.output.tables.stages import KEYS, stage_scores, stage_seconds

ORDER = ("pseudo_inverse", "ridge", "conv_decoder", "transformer_decoder", "optimise")
STYLES: tuple[Any, ...] = ("-", (0, (3, 1.5)), (0, (1, 1.2)))


def draw_stages(run: RunData, theme: Theme) -> Figure | None:
    """Visible PSNR and LPIPS by stage, and seconds a picture, one line an attack."""
    scores = stage_scores(run)
    scores = scores[scores["region"] == "visible"]
    kinds = zip(scores["attack"], scores["attack_kind"], strict=True)
    scores = scores[[family(*pair) != WHOLE for pair in kinds]]
    if scores.empty:
        return None
    keys = [*PIPELINE, "coalition", "coalition_choice"]
    scores = scores.merge(scores[keys].value_counts().reset_index().head(1)[keys], on=keys)
    scores = scores.merge(stage_seconds(run), on=KEYS, how="left")
    metrics = [metric for metric in ("psnr", "lpips") if metric in set(scores["metric"])]
    timed = scores["seconds"].notna().any()
    figure = canvas(WIDE, 2.75, "Leakage of the windows seen, by depth of the tokens seen")
    panels = figure.subplots(1, len(metrics) + bool(timed), squeeze=False)[0]
    looks = _looks(scores, theme)
    for axes, metric in zip(panels, metrics, strict=False):
        _leakage(axes, scores[scores["metric"] == metric], looks)
        axes.set_title(f"Visible {LEAKAGE_LABELS[metric][0]}")
        if metric == "lpips":
            axes.set_ylabel("lower: more leakage", color=theme.muted)
    if timed:
        _cost(panels[-1], scores[scores["metric"] == metrics[0]], looks)
    for axes in panels:
        axes.set_xticks(sorted(scores["block"].unique()))
        axes.set_xlabel("stage (block that runs next)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(labels)))
    return figure


def _looks(scores: pd.DataFrame, theme: Theme) -> dict[str, dict[str, Any]]:
    """A colour for each attack in a fixed order, and a dash where colours repeat."""
    kinds = dict(zip(scores["attack"], scores["attack_kind"], strict=True))
    real = [name for name in kinds if family(name, kinds[name]) != BEST_FLOOR]
    real.sort(key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    colours = len(theme.series)
    looks: dict[str, dict[str, Any]] = {
        name: {
            "color": theme.series[place % colours],
            "linestyle": STYLES[place // colours % len(STYLES)],
            "marker": "o",
            "markersize": 3,
        }
        for place, name in enumerate(real)
    }
    floors = sorted(set(kinds) - set(real))
    return looks | {name: {"color": theme.kinds["floor"], "linestyle": ":"} for name in floors}


def _leakage(axes: Axes, rows: pd.DataFrame, looks: dict[str, dict[str, Any]]) -> None:
    for attack, look in looks.items():
        line = rows[rows["attack"] == attack].sort_values("block")
        spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
        label = readable(attack)
        axes.errorbar(line["block"], line["mean"], spread, label=label, elinewidth=0.7, **look)


def _cost(axes: Axes, rows: pd.DataFrame, looks: dict[str, dict[str, Any]]) -> None:
    for attack, look in looks.items():
        line = rows[rows["attack"] == attack].sort_values("block")
        axes.plot(line["block"], line["seconds"], **look)
    axes.set_yscale("log")
    axes.set_title("Seconds a picture")


STAGES = Plot(
    "stages",
    "An attacker that looks at one stage only. Stage 0 is the embedded patches before any block, "
    "stage k what goes into block k. Left: how well the windows received come back; higher PSNR "
    "and lower LPIPS mean more leakage. Right: what one reconstruction costs, training not "
    "counted. Dotted: floors, made of public photos. Bars: 95 % intervals over images.",
    draw_stages,
    "This run attacked no single stage.",
)
