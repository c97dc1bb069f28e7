"""Inpainting of hidden windows by how much is visible."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bench.report.aggregate.families import BEST_FLOOR, CLASSIC_INPAINTING, LEARNED_INPAINTING
from bench.report.base import Plot
from bench.report.choice import commonest
from bench.report.data import RunData
from bench.report.render.palette import attack_looks
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.topics.leakage.collusion import SITUATION
from bench.report.topics.leakage.inpainting import inpainting_scores
from bench.report.words import measure, readable, shown_metrics

ORDER = (BEST_FLOOR, CLASSIC_INPAINTING, LEARNED_INPAINTING)


def draw_inpainting(run: RunData, theme: Theme) -> Figure | None:
    """Hidden PSNR and LPIPS against the visible share, a line for each inpainter."""
    scores = inpainting_scores(run)
    if scores.empty:
        return None
    scores = commonest(scores, SITUATION, run.config)
    if scores["visible_fraction"].nunique() < 2:
        return None
    metrics = shown_metrics(scores["metric"])
    setting = f"{scores['policy'].iloc[0]} assignment, {readable(scores['plan'].iloc[0])}"
    figure = canvas(WIDE, 3.0, f"Inpainting of hidden windows, by how much is visible ({setting})")
    looks = _looks(scores, theme)
    for axes, metric in zip(
        figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True
    ):
        _panel(axes, scores[scores["metric"] == metric], looks)
        axes.set_title(f"Hidden {measure(metric).heading}")
        axes.set_ylabel(measure(metric).hint, color=theme.muted)
        axes.set_xlabel("share of the picture that is visible")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    legend_below(figure, *figure.axes[0].get_legend_handles_labels(), columns=4)
    return figure


def _looks(scores: pd.DataFrame, theme: Theme) -> dict[str, dict[str, Any]]:
    """The mean colour, then classic methods, thinner, then learned ones."""
    known = scores[["attack", "attack_kind", "family"]].drop_duplicates("attack")
    known = known[known["family"].isin(ORDER)].sort_values("attack")
    families = dict(zip(known["attack"], known["family"], strict=True))
    names = sorted(families, key=lambda name: ORDER.index(families[name]))
    kinds = dict(zip(known["attack"], known["attack_kind"], strict=True))
    looks = attack_looks({name: kinds[name] for name in names}, theme)
    for name, look in looks.items():
        quiet = families[name] != LEARNED_INPAINTING
        look |= {"elinewidth": 0.5, "linewidth": 0.8} if quiet else {"elinewidth": 0.9}
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
    "Higher PSNR and lower LPIPS mean more leakage. Purple: learned inpainters, trained for PSNR "
    "or, where named so, for LPIPS; green: classic methods; dotted: the public "
    "photos' mean colour. Bars: 95 % intervals over images.",
    draw_inpainting,
    "This run inpainted at fewer than two visible shares.",
)
