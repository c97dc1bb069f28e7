"""Leakage of the windows seen by the stage that an attacker looks at, and its cost."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.aggregate.families import BEST_FLOOR, WHOLE, family
from bench.report.base import Plot
from bench.report.choice import commonest
from bench.report.data import PIPELINE, RunData
from bench.report.render.palette import attack_looks
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.topics.leakage.stages import KEYS, stage_scores, stage_seconds
from bench.report.words import measure, readable, setting_words, shown_metrics

ORDER = ("pseudo_inverse", "ridge", "conv_decoder", "transformer_decoder", "optimise")


def draw_stages(run: RunData, theme: Theme) -> Figure | None:
    """Visible PSNR and LPIPS by stage, and seconds a picture, one line an attack."""
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
    """Attacks in a fixed order, floors last."""
    kinds = dict(zip(scores["attack"], scores["attack_kind"], strict=True))

    def place(name: str) -> tuple[bool, int, str]:
        known = ORDER.index(name) if name in ORDER else len(ORDER)
        return family(name, kinds[name]) == BEST_FLOOR, known, name

    return attack_looks({name: kinds[name] for name in sorted(kinds, key=place)}, theme)


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
