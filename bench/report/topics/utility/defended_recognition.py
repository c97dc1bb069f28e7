"""What is still recognised through each defence, beside what it costs in segmentation."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attacks.base import ATTACKS
from bench.recognition import RECOGNISERS
from bench.report.aggregate.segmentation import summarize
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import commonest
from bench.report.data import PIPELINE, RunData
from bench.report.render.style import DOTTED, WIDE, Theme, canvas, legend_below
from bench.report.render.table import Column, Table
from bench.report.statistics import scene_means
from bench.report.topics.columns import INTERVALS, ordered, sentences, setting_columns, source
from bench.report.words import defence_label, readable
from bench.spec.cells import BARE, ORIGINAL

KEYS = ["recogniser", "metric", "picture", *PIPELINE, "coalition", "coalition_choice"]
SITUATION = ("plan", "policy", "payload", "n_shards", "adapted", "coalition_choice", "coalition")
UNDEFENDED = "none"


def defended_scores(run: RunData) -> pd.DataFrame:
    """One row per attack, setting and measure: its mean, and ``miou_box`` of the setting.

    ``ceiling`` is the measure on the photos themselves, ``miou_box`` NaN where it was not measured.
    Empty where nothing was recognised through a defence.
    """
    of = {metric: name for name, part in RECOGNISERS.items() for metric in part.metrics}
    rows = run.scores[run.scores["metric"].isin(of) & (run.scores["region"] == "full")]
    rows = rows[(rows["stage"] == "earliest") & rows["adaptive"].astype(bool)]
    if set(rows["defence"]) <= {UNDEFENDED}:
        return pd.DataFrame()
    rows = rows.assign(recogniser=rows["metric"].map(of), picture=rows["attack"].astype(str))
    original = rows[rows["picture"] == ORIGINAL].groupby("metric")["value"].mean()
    scores = scene_means(rows[~rows["picture"].isin(BARE)], KEYS)
    if run.segmentation.empty:
        scores["miou_box"] = float("nan")
    else:
        utility = summarize(run)[[*PIPELINE, "miou_box"]]
        scores = scores.merge(utility, on=PIPELINE, how="left")
    return scores.assign(ceiling=scores["metric"].map(original))


@TABLES.register("defended_recognition")
class DefendedRecognitionTable(ReportTable):
    """Recogniser × picture × defence × strength."""

    title = "What is recognised through each defence"
    empty = "This run recognised nothing through a defence: name recognisers in its preset."
    place = 14

    def build(self, run: RunData) -> Table:
        scores = defended_scores(run)
        if not scores.empty:
            scores = ordered(scores, [*KEYS, "strength"])
        return self.table(
            scores,
            (
                Column("recogniser", "Recogniser"),
                Column("metric", "Measure"),
                Column("picture", "Picture"),
                *setting_columns(scores, [*PIPELINE, "coalition", "coalition_choice"]),
                Column("ceiling", "Original", 3),
                Column("mean", "Share", 3, interval=True),
                Column("miou_box", "mIoU, box", 3),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Pictures are made by attackers that were trained through the defence. Photos with "
                "nothing to recognise do not count.",
                INTERVALS,
            ),
        )


@FIGURES.register("defended_recognition")
class DefendedRecognitionFigure(ReportFigure):
    """One panel per recogniser: mIoU against its telling measure, one curve per defence."""

    title = "What defences keep of mIoU, and what is still recognised"
    caption = (
        "Each curve is one defence by strength; the square is no defence. Up is a better "
        "segmentation, left is less recognised in the picture that the coalition rebuilds; of a "
        "defence that an attack undoes, by that attack. Dotted: the same measure on the original."
    )
    empty = "This run recognised nothing through a defence that it scored for segmentation too."
    place = 11

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        scores = defended_scores(run)
        if scores.empty:
            return None
        scores = shown(scores.dropna(subset="miou_box"), run)
        known = set(scores["metric"])
        telling = [part.metrics[0] for _, part in RECOGNISERS.items() if part.metrics[0] in known]
        if not telling:
            return None
        picture = min(scores["picture"], key=len)
        figure = canvas(WIDE, 3.0, f"mIoU against what is recognised in pictures by {picture}")
        row = figure.subplots(1, len(telling), sharey=True, squeeze=False)[0]
        for axes, metric in zip(row, telling, strict=True):
            own = scores[scores["metric"] == metric]
            _panel(axes, own, theme)
            ceiling = float(own["ceiling"].iloc[0])
            axes.axvline(ceiling, color=theme.muted, linestyle=DOTTED, linewidth=0.9)
            axes.set_xlabel(f"{readable(metric)}  →  more is recognised")
        row[0].set_ylabel("mIoU, box prompt")
        legend_below(figure, *row[0].get_legend_handles_labels())
        return figure


def shown(scores: pd.DataFrame, run: RunData) -> pd.DataFrame:
    """The rows of one situation and of the commonest picture in it; defended ones decide."""
    defended = scores[scores["defence"] != UNDEFENDED]
    if defended.empty:
        return defended
    defended = commonest(defended, SITUATION, run.config)
    fixed = defended.iloc[0][list(SITUATION)].to_dict()
    here = scores[(scores[list(fixed)] == pd.Series(fixed)).all(axis=1)]
    return by_attack(here, str(defended["picture"].value_counts().index[0]))


def by_attack(scores: pd.DataFrame, picture: str) -> pd.DataFrame:
    """The pictures by one attack; of a defence that attacks undo, those by its variant that does.

    A defence that is undone looks strong to all other attacks.
    """
    undoes = {name: attack.undoes for name, attack in ATTACKS.items() if attack.undoes}
    undone = frozenset().union(*undoes.values())
    kept = [
        row["defence"] in undoes.get(row["picture"], ()) and row["picture"].startswith(picture)
        if row["defence"] in undone
        else row["picture"] == picture
        for _, row in scores.iterrows()
    ]
    return scores[kept]


def _panel(axes: Axes, rows: pd.DataFrame, theme: Theme) -> None:
    start = rows[rows["defence"] == UNDEFENDED]
    names = sorted(set(rows["defence"]) - {UNDEFENDED})
    styles = ["-", "--", ":"]
    for number, name in enumerate(names):
        curve = pd.concat([start, rows[rows["defence"] == name].sort_values("strength")])
        colour = theme.series[number % len(theme.series)]
        style = styles[number // len(theme.series) % len(styles)]
        axes.plot(
            curve["mean"],
            curve["miou_box"],
            marker="o",
            markersize=3,
            label=defence_label(name),
            color=colour,
            linestyle=style,
        )
    axes.plot(start["mean"], start["miou_box"], "s", color=theme.muted, zorder=4)
