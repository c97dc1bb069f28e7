"""How the attackers of a run were trained, read from their cards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.attackers.training_setting import EVERY_ROUND, TrainingSetting
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import commonest
from bench.report.data import EARLIEST, RunData
from bench.report.render.style import WIDE, Theme, canvas
from bench.report.render.table import Column, Table
from bench.report.topics.columns import ordered, sentences, setting_columns
from bench.report.words import readable

NEAR = 0.5
"""Decibels above its best within which the held-out error of a training counts as converged."""
USUAL = TrainingSetting().fields
"""What an attacker is fitted to, with the values of cards that do not say."""
TOGETHER = {"weights_known": "access", "can_query": "access", EVERY_ROUND: "stage"}
"""Fields of a training setting that are shown as one."""
FIRST = ("plan", "payload", "defence", "strength", "frames", "stage", "access", "public")
LEARNED = ["attack", *dict.fromkeys([*FIRST, *(TOGETHER.get(name, name) for name in USUAL)])]
"""What tells the attackers of a run apart, attacker seeds aside."""
ALWAYS = ["attack", "plan", "payload", "defence", "strength", "stage"]
"""Of these, what the table always names; the others where they vary."""
LABELS = {
    "frames": "Frames averaged",
    "public": "Public data",
    "public_photos": "Photos asked for",
}
MOST_PANELS = 3
ORDER = ("conv_decoder", "transformer_decoder", "whole_image_decoder")


def trainings(run: RunData) -> pd.DataFrame:
    """One row per attacker: `LEARNED`, ``seed``, ``data``, ``photos``, ``seconds``, ``curve``.

    Of those that were trained step by step also ``steps``, and ``near``, the steps after which the
    held-out error stayed within `NEAR` dB of its best.
    """
    return pd.DataFrame([_row(card) for card in run.attackers])


def above_best(curve: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Steps, and held-out error in dB above the best of the training."""
    steps, _, errors = np.array(curve, dtype=float).T
    return steps, 10 * np.log10(errors / errors.min())


def _label(name: str) -> str:
    return LABELS.get(name, readable(name).capitalize())


def _row(card: dict[str, Any]) -> dict[str, Any]:
    row = {name: card.get(name, USUAL.get(name)) for name in LEARNED}
    row |= {name: card.get(name) for name in ("seed", "photos", "seconds", "curve")}
    row["stage"] = _stage(card)
    row["access"] = _access(card)
    row["public_photos"] = "all" if card.get("public_photos") is None else card["public_photos"]
    row["data"] = ", ".join(card.get("data", []))
    if card.get("curve"):
        steps, above = above_best(card["curve"])
        far = np.flatnonzero(above > NEAR)
        row["steps"] = steps[-1]
        row["near"] = steps[min(far[-1] + 1, len(steps) - 1)] if len(far) else steps[0]
    return row


def _stage(card: dict[str, Any]) -> str:
    if card.get("stage") is not None:
        return str(card["stage"])
    return "all rounds" if card.get("every_round") else EARLIEST


def _access(card: dict[str, Any]) -> str:
    if card.get("weights_known"):
        return "white box"
    return "black box" if card.get("can_query") else "query-free"


def training_summary(run: RunData) -> pd.DataFrame:
    """One row per attacker, seeds averaged: photos, seconds, steps, and steps to near the best."""
    rows = trainings(run)
    if rows.empty:
        return rows
    rows = rows.reindex(columns=[*rows.columns.union(["steps", "near"], sort=False)])
    numbers = {name: (name, "mean") for name in ("photos", "seconds", "steps", "near")}
    grouped = rows.groupby([*LEARNED, "data"], dropna=False, sort=False)
    return ordered(grouped.agg(seeds=("seed", "nunique"), **numbers).reset_index(), LEARNED)


@TABLES.register("training")
class TrainingTable(ReportTable):
    """The cards of a run's attackers."""

    title = "How attackers were trained"
    empty = "No attack of this run was trained, or it is older than their cards."
    place = 17

    def build(self, run: RunData) -> Table:
        frame = training_summary(run)
        others = [name for name in LEARNED if name not in ALWAYS and name in frame]
        varying = [name for name in others if frame[name].nunique() > 1]
        return self.table(
            frame,
            (
                *setting_columns(frame, ALWAYS),
                *[Column(name, _label(name)) for name in varying],
                Column("data", "Data"),
                Column("photos", "Photos", 0),
                Column("seeds", "Seeds", 0),
                Column("seconds", "Seconds", 1),
                Column("steps", "Steps", 0),
                Column("near", "Near", 0),
            ),
            note=sentences(
                "Photos: pictures of the attackers' own, sent through the system as the row "
                "says. Seconds: of training, on the device that the card names, as one of "
                "several processes; unknown for attackers that were trained elsewhere or before "
                "there were cards. Steps: of gradient descent. Near: after so many the held-out "
                f"error stayed within {NEAR} dB of its best. Means over attacker seeds. Curves "
                "and devices stand in attackers.json."
            ),
        )


@FIGURES.register("training")
class TrainingFigure(ReportFigure):
    """Held-out error above its best by steps: a panel an attack, a colour a stage, a line a seed.

    Of the usual attacker alone: float32, no defence, all photos, weights known, the commonest plan.
    """

    title = "Training of attackers"
    caption = (
        "How far the error on held-out public photos was from the best of its training, step by "
        f"step. Below the dotted line it is within {NEAR} dB. The rate of learning falls to zero "
        "at the end, so that a flat end says nothing of what longer training would bring. One "
        "line an attacker seed; the usual attacker alone (float32, no defence, weights known)."
    )
    empty = (
        "No attack on undefended float32 tokens was trained step by step in this run, or it is "
        "older than the attackers' cards."
    )
    place = 13

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
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
