"""How the held-out error of attackers fell while they trained."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.base import Plot
from bench.report.choice import commonest
from bench.report.data import RunData
from bench.report.render.style import WIDE, Theme, canvas
from bench.report.topics.attackers.training import NEAR, above_best, trainings
from bench.report.words import readable

MOST_PANELS = 3
ORDER = ("conv_decoder", "transformer_decoder", "whole_image_decoder")


def draw_training(run: RunData, theme: Theme) -> Figure | None:
    """Held-out error above its best by steps: a panel an attack, a colour a stage, a line a seed.

    Of the usual attacker alone: float32, no defence, all photos, weights known, the commonest plan.
    """
    rows = trainings(run)
    if rows.empty:
        return None
    usual = (rows["payload"] == "float32") & (rows["defence"] == "none")
    usual &= (rows["access"] == "white box") & (rows["public_photos"] == "all")
    rows = rows[usual & rows["curve"].notna()]
    rows = commonest(rows, ["plan"], run.config)
    names = [name for name in ORDER if name in set(rows["attack"])]
    names += sorted(set(rows["attack"]) - set(ORDER))
    if not names:
        return None
    names = names[:MOST_PANELS]
    figure = canvas(WIDE, 2.6, "Training of attackers: held-out error above its best (dB)")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        _panel(axes, rows[rows["attack"] == name], theme)
        axes.set_title(readable(name))
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, theme: Theme) -> None:
    for number, (stage, seeds) in enumerate(rows.groupby("stage")):
        look: dict[str, Any] = {
            "color": theme.series[number % len(theme.series)],
            "linestyle": "-" if number < len(theme.series) else (0, (3, 1.5)),
        }
        for place, curve in enumerate(seeds["curve"]):
            label = f"stage {stage}" if str(stage).isdigit() else str(stage)
            axes.plot(*above_best(curve), linewidth=0.9, label="" if place else label, **look)
    axes.axhline(NEAR, color=theme.muted, linewidth=0.7, linestyle=":")
    axes.set_xlabel("steps")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=6)


TRAINING = Plot(
    "training",
    "How far the error on held-out public photos was from the best of its training, step by step. "
    f"Below the dotted line it is within {NEAR} dB. The rate of learning falls to zero at the end, "
    "so that a flat end says nothing of what longer training would bring. One line an attacker "
    "seed; the usual attacker alone (float32, no defence, weights known).",
    draw_training,
    "No attack on undefended float32 tokens was trained step by step in this run, or it is older "
    "than the attackers' cards.",
)
