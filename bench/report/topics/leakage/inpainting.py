"""Learned inpainting against classic methods and the mean colour, by how much is visible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bench.report.aggregate.families import (
    BEST_FLOOR,
    CLASSIC,
    CLASSIC_INPAINTING,
    LEARNED_INPAINTING,
    family,
)
from bench.report.aggregate.leakage import (
    ImageTable,
    adaptive,
    attack_summary,
    gain_over,
    image_tables,
    plain,
    visible_fractions,
)
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import commonest
from bench.report.data import CELL, PIPELINE, RunData
from bench.report.render.palette import attack_looks
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.render.table import Column, Table
from bench.report.topics.columns import CAP, INTERVALS, sentences, setting_columns, source
from bench.report.topics.leakage.collusion import SITUATION
from bench.report.words import measure, readable, shown_metrics

MEAN_COLOUR = "mean_colour"
CASE = [*PIPELINE, "coalition", "coalition_choice"]
ENDS = ("", "_low", "_high")
WORSE: Final = "higher is worse for privacy"
ORDER = (BEST_FLOOR, CLASSIC_INPAINTING, LEARNED_INPAINTING)


def inpainting_scores(run: RunData) -> pd.DataFrame:
    """`attack_summary` in hidden windows of inpainting and the mean colour.

    ``visible_fraction`` and ``family`` are beside; cells where no inpainting ran are left out.
    """
    rows = _hidden(run)
    if rows.empty:
        return rows
    scores = attack_summary(rows).merge(visible_fractions(run), on=CASE)
    kinds = zip(scores["attack"], scores["attack_kind"], strict=True)
    return scores.assign(family=[family(*pair) for pair in kinds])


def inpainting_gains(run: RunData) -> pd.DataFrame:
    """What each learned inpainter gains over the best classic method and over the mean colour.

    One row per cell, metric and inpainter: ``score``, ``classic`` (the score of the classic method
    that is best on average, named in ``best_classic``), ``over_classic`` and ``over_colour`` with
    intervals over images, and ``verdict``.
    """
    found = [row for table in image_tables(_hidden(run)) for row in _gains(table)]
    if not found:
        return pd.DataFrame()
    return pd.DataFrame(found).merge(visible_fractions(run), on=CASE)


def _hidden(run: RunData) -> pd.DataFrame:
    rows = plain(adaptive(run.leakage))
    rows = rows[(rows["region"] == "hidden") & rows["metric"].isin(shown_metrics(rows["metric"]))]
    wanted = (rows["attack_kind"] == "inpainting") | (rows["attack"] == MEAN_COLOUR)
    inpainted = rows.loc[rows["attack_kind"] == "inpainting", CELL].drop_duplicates()
    return rows[wanted].merge(inpainted, on=CELL)


def _gains(table: ImageTable) -> Iterator[dict[str, Any]]:
    sign = 1 if table.worse else -1
    pairs = zip(table.attacks, table.scores, strict=True)
    means = {name: sign * float(np.nanmean(row)) for name, row in pairs if not np.isnan(row).all()}
    classic = max((name for name in means if name in CLASSIC), key=means.__getitem__, default=None)
    for attack, kind, values in zip(table.attacks, table.kinds, table.scores, strict=True):
        if family(attack, kind) != LEARNED_INPAINTING:
            continue
        row: dict[str, Any] = {**table.keys, "attack": attack, "best_classic": classic}
        for name, rival in (("over_classic", classic), ("over_colour", MEAN_COLOUR)):
            place = table.place(rival)
            floor = None if place is None else table.scores[place]
            gain = gain_over(values, floor, table.worse)
            row |= {f"{name}{end}": gain[f"gain{end}"] for end in ENDS}
            row |= {f"score{end}": gain[f"mean{end}"] for end in ENDS}
            row[name.removeprefix("over_")] = gain["floor"]
            row["images"] = gain["images"]
        yield row | {"verdict": _verdict(row)}


def _verdict(row: dict[str, Any]) -> str:
    """Better or worse where the interval of a gain lies on one side of 0."""
    names = ("over_classic", "over_colour")
    lows = [row[f"{name}_low"] for name in names]
    highs = [row[f"{name}_high"] for name in names]
    if any(bound is None or pd.isna(bound) for bound in (*lows, *highs)):
        return "unknown"
    if min(highs) < 0:
        return "loses"
    return "beats both" if min(lows) > 0 else "level"


@TABLES.register("inpainting")
class InpaintingTable(ReportTable):
    """What each learned inpainter gains, most visible last."""

    title = "Learned inpainting against classic methods and the mean colour, by visible share"
    empty = "This run used no learned inpainting."
    place = 11

    def build(self, run: RunData) -> Table:
        frame = inpainting_gains(run)
        if not frame.empty:
            order = ["metric", "attack", "visible_fraction", *CASE]
            frame = frame.sort_values(order, ascending=[False, *[True] * (len(order) - 1)])
        return self.table(
            frame,
            (
                Column("visible_fraction", "Visible share", 3),
                *setting_columns(frame, CASE),
                Column("metric", "Metric"),
                Column("attack", "Inpainter"),
                Column("score", "Score", 3, interval=True),
                Column("best_classic", "Best classic"),
                Column("classic", "Its score", 3),
                Column("over_classic", "Gain over it", 3, WORSE, True),
                Column("colour", "Mean colour", 3),
                Column("over_colour", "Gain over it", 3, WORSE, True),
                Column("verdict", "Verdict"),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Hidden windows only. Gains are paired, positive where the learned inpainter is "
                "closer to the photo (more leakage), over the classic method that is best on "
                "average in that cell and over the mean colour. Verdict: beats both, or loses to "
                "one, where the interval lies on one side of 0; else level. Inpainters trained "
                "for PSNR and for LPIPS are two operating points: judge each by its own measure. "
                "LPIPS: lower is closer.",
                CAP,
                INTERVALS,
            ),
        )


@FIGURES.register("inpainting")
class InpaintingFigure(ReportFigure):
    """Hidden PSNR and LPIPS against the visible share, a line for each inpainter."""

    title = "Inpainting by visible share"
    caption = (
        "What fills in the windows that a coalition never received, from those that it did. Each "
        "point is one number of shards and one coalition, at the mean share of the picture that "
        "it sees. Higher PSNR and lower LPIPS mean more leakage. Purple: learned inpainters, "
        "trained for PSNR or, where named so, for LPIPS; green: classic methods; dotted: the "
        "public photos' mean colour. Bars: 95 % intervals over images."
    )
    empty = "This run inpainted at fewer than two visible shares."
    place = 9

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        scores = inpainting_scores(run)
        if scores.empty:
            return None
        scores = commonest(scores, SITUATION, run.config)
        if scores["visible_fraction"].nunique() < 2:
            return None
        metrics = shown_metrics(scores["metric"])
        setting = f"{scores['policy'].iloc[0]} assignment, {readable(scores['plan'].iloc[0])}"
        figure = canvas(
            WIDE, 3.0, f"Inpainting of hidden windows, by how much is visible ({setting})"
        )
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
