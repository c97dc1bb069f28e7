"""Which score of a picture predicts that something in it is recognised."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.recognition import RECOGNISERS
from bench.report.aggregate.association import association
from bench.report.aggregate.leakage import higher_is_worse, known_metrics
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.data import REGIONS, RunData
from bench.report.render.style import DOTTED, WIDE, Theme, canvas, legend_below
from bench.report.render.table import Column, Table
from bench.report.statistics import named
from bench.report.topics.columns import sentences, source
from bench.report.words import measure, readable
from bench.runner.folder.records import SETTINGS
from bench.spec.cells import BARE

PICTURE = [*SETTINGS, "seed", "image_id"]
"""Columns that tell pictures apart."""
SHARE = "visible_fraction"
"""The score that needs no picture."""
MEASURES = ("spearman", "biserial", "auc")
LEAST = 10
"""Fewer pictures of which something is recognised, or of which nothing is, tell nothing."""


@lru_cache(maxsize=4)
def predictors(run: RunData) -> pd.DataFrame:
    """One row per outcome, score and region: `association` over every picture that has both.

    Outcomes are the recognisers' telling measures. Scores are turned so that more is more leakage.
    """
    outcomes = _outcomes(run)
    scores = _scores(run, outcomes)
    rows = []
    for outcome, seen in outcomes.groupby("outcome", sort=True):
        both = scores.merge(seen, on=PICTURE, how="inner")
        for (score, region), group in both.groupby(["score", "region"], sort=True):
            happened = int((group["recognised"] > 0).sum())
            if min(happened, len(group) - happened) < LEAST:
                continue
            row = {"outcome": outcome, "score": score, "region": region}
            row |= {"pictures": len(group), "images": group["image_id"].nunique()}
            row["share"] = happened / len(group)
            clusters = list(group["scene"].fillna(group["image_id"]))
            found = association(group["value"], group["recognised"], clusters)
            for name, interval in zip(MEASURES, found, strict=True):
                row |= named(name, interval)
            rows.append(row)
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    return frame.sort_values(
        ["outcome", "auc", "score", "region"], ascending=[True, False, True, True]
    ).reset_index(drop=True)


def _outcomes(run: RunData) -> pd.DataFrame:
    """What was recognised in each reconstruction: `PICTURE`, ``scene``, ``outcome``, its value."""
    telling = {part.metrics[0] for _, part in RECOGNISERS.items()}
    rows = run.every_score
    rows = rows[rows["metric"].isin(telling) & ~rows["attack"].isin([*BARE, ""])]
    if "scene" not in rows:
        rows = rows.assign(scene=None)
    rows = rows.rename(columns={"metric": "outcome", "value": "recognised"})
    return rows[[*PICTURE, "scene", "outcome", "recognised"]]


def _scores(run: RunData, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Scores of the pictures that recognisers saw, more being more leakage."""
    pictures = outcomes[PICTURE].drop_duplicates()
    rows = known_metrics(run.every_score)
    rows = rows[rows["region"].isin(REGIONS) & rows["attack"].isin(pictures["attack"])]
    rows = rows.rename(columns={"metric": "score"})
    worse = {name: higher_is_worse(name) for name in rows["score"].unique()}
    rows["value"] = np.where(rows["score"].map(worse).astype(bool), 1, -1) * rows["value"]
    rows = rows[[*PICTURE, "score", "region", "value"]].merge(pictures, on=PICTURE)
    return pd.concat([rows, _shares(run, pictures)], ignore_index=True)


def _shares(run: RunData, pictures: pd.DataFrame) -> pd.DataFrame:
    """How much the coalition received, for each picture."""
    rows = run.every_score[run.every_score["metric"] == SHARE]
    keys = [name for name in PICTURE if name not in ("attack", "seed", "stage", "adaptive")]
    shares = rows.groupby(keys, dropna=False)["value"].mean().reset_index()
    return pictures.merge(shares, on=keys).assign(score=SHARE, region="")


def label(score: str, region: str) -> str:
    """A score and its region in words."""
    if score == SHARE:
        return "share received"
    return f"{measure(score).label}, {region}"


@TABLES.register("predictors")
class PredictorsTable(ReportTable):
    """Outcome × score: rank correlation, point-biserial correlation, area under the curve."""

    title = "Which score predicts that something is recognised"
    empty = (
        f"This run has no outcome to predict: a recogniser must find something in {LEAST} or more "
        f"reconstructions that are scored too, and nothing in {LEAST} or more."
    )
    place = 14

    def build(self, run: RunData) -> Table:
        frame = predictors(run)
        if not frame.empty:
            pairs = zip(frame["score"], frame["region"], strict=True)
            frame = frame.assign(label=[label(*pair) for pair in pairs])
            frame["outcome"] = frame["outcome"].map(readable)
        return self.table(
            frame,
            (
                Column("outcome", "Recognised"),
                Column("label", "Score", parts=("score", "region")),
                Column("auc", "Area under the curve", 2, interval=True),
                Column("spearman", "Spearman", 2, interval=True),
                Column("biserial", "Point-biserial", 2, interval=True),
                Column("share", "Share recognised", 2),
                Column("pictures", "Pictures", 0),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Over every reconstruction that was both scored and shown to a recogniser, all "
                "settings together. Scores are turned so that more is more leakage.",
                "Area under the curve: the chance that a picture in which anything is recognised "
                "scores higher than one in which nothing is; 0.5 tells nothing. Spearman: with how "
                "much is recognised. Point-biserial: with whether anything is.",
                "Share received: of the picture, by the coalition; it needs no reconstruction.",
                "Brackets: 95 % bootstrap intervals, whole photos resampled with all their "
                "pictures.",
            ),
        )


@FIGURES.register("predictors")
class PredictorsFigure(ReportFigure):
    """One panel per outcome: area under the curve of each score, by region."""

    title = "Which score predicts recognition"
    caption = (
        "The chance that a reconstruction in which a recogniser finds something scores as more "
        "leakage than one in which it finds nothing, for each score and region. At the dotted line "
        "a score tells nothing. Bars: 95 % intervals over photos."
    )
    empty = "This run has no outcome of recognisers to predict."
    place = 11

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        frame = predictors(run)
        if frame.empty:
            return None
        outcomes = list(frame["outcome"].unique())
        names = _names(frame)
        columns = min(3, len(outcomes))
        lines = (len(outcomes) + columns - 1) // columns
        figure = canvas(WIDE, lines * (0.6 + 0.17 * len(names)) + 0.5, self.title)
        panels = figure.subplots(lines, columns, squeeze=False, sharey=True, sharex=True)
        for axes, outcome in zip(panels.flat, outcomes, strict=False):
            _panel(axes, frame[frame["outcome"] == outcome], names, theme)
            axes.set_title(readable(str(outcome)))
        for axes in list(panels.flat)[len(outcomes) :]:
            axes.set_visible(False)
        for axes in list(panels.flat)[: len(outcomes)][-columns:]:
            axes.set_xlabel("area under the curve")
            axes.tick_params(labelbottom=True)
        legend_below(figure, *panels.flat[0].get_legend_handles_labels())
        return figure


def _names(frame: pd.DataFrame) -> list[str]:
    """Scores in the order of their mean area, the best last, which is the topmost."""
    means = frame.groupby("score")["auc"].mean()
    return list(means.sort_values(kind="stable").index)


def _panel(axes: Axes, rows: pd.DataFrame, names: list[str], theme: Theme) -> None:
    colours = dict(zip(("", *REGIONS), (theme.muted, *theme.series), strict=False))
    for place, (region, colour) in enumerate(colours.items()):
        line = rows[rows["region"] == region]
        y = [names.index(name) + 0.22 * (place - 2) * bool(region) for name in line["score"]]
        spread = [line["auc"] - line["auc_low"], line["auc_high"] - line["auc"]]
        axes.errorbar(
            line["auc"],
            y,
            xerr=spread,
            fmt="o",
            markersize=3,
            elinewidth=0.7,
            color=colour,
            label=region or "no reconstruction",
        )
    axes.axvline(0.5, color=theme.muted, linewidth=0.9, linestyle=DOTTED, zorder=1)
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.set_ylim(-0.6, len(names) - 0.4)


def _short(score: str) -> str:
    return "share received" if score == SHARE else measure(score).label
