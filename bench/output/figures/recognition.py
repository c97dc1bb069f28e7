"""How much of what is recognised in the original is recognised by those who saw a part."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.output.figures.plot import Plot
from bench.output.figures.style import WIDE, Theme, canvas, readable, reference_line
from bench.output.rundata import RunData
from bench.output.tables.recognition import WATCHERS, ceilings, recognition_scores
from bench.recognition import RECOGNISERS
from bench.scenario import ORIGINAL

LEVEL = 5
"""Names of coalitions that have room side by side."""


def draw_recognition(run: RunData, theme: Theme) -> Figure | None:
    """One panel per recogniser: its telling measure by coalition, one mark per picture."""
    scores = recognition_scores(run)
    if scores.empty:
        return None
    scores = scores[scores["policy"] == scores["policy"].mode().iloc[0]]
    telling = [part.metrics[0] for _, part in RECOGNISERS.items()]
    telling = [metric for metric in telling if metric in set(scores["metric"])]
    pictures = sorted(set(scores["picture"]) - {ORIGINAL}, key=lambda name: (name != "seen", name))
    if not telling or not pictures:
        return None
    figure = canvas(WIDE, 0.7 + 1.9 * ((len(telling) + 2) // 3), "What is recognised")
    panels = figure.subplots((len(telling) + 2) // 3, min(3, len(telling)), squeeze=False)
    for axes, metric in zip(panels.flat, telling, strict=False):
        _panel(axes, scores[scores["metric"] == metric], pictures, theme)
    for axes in list(panels.flat)[len(telling) :]:
        axes.set_visible(False)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(labels)))
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, pictures: list[str], theme: Theme) -> None:
    watchers = rows[WATCHERS].drop_duplicates().sort_values(WATCHERS).to_numpy().tolist()
    places = {tuple(pair): place for place, pair in enumerate(watchers)}
    for number, picture in enumerate(pictures):
        line = rows[rows["picture"] == picture].drop_duplicates(WATCHERS)
        shift = 0.6 * ((number + 0.5) / len(pictures) - 0.5)
        pairs = zip(line["n_shards"], line["coalition"], strict=True)
        x = [places[n, c] + shift for n, c in pairs]
        spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
        colour = theme.series[number % len(theme.series)]
        axes.errorbar(
            x, line["mean"], spread, fmt="o", color=colour, elinewidth=0.7, label=readable(picture)
        )
    ceiling = ceilings(rows)
    if not ceiling.empty:
        reference_line(axes, float(ceiling["mean"].iloc[0]), "original", theme.muted)
    axes.set_title(readable(str(rows["metric"].iloc[0])))
    axes.set_ylim(-0.03, 1.08)
    names = [f"{c} of {n}" for n, c in watchers]
    axes.set_xticks(range(len(watchers)), names, rotation=45 if len(names) > LEVEL else 0)


RECOGNITION = Plot(
    "recognition",
    "Each recogniser's telling measure on the windows as received and on reconstructions, by who "
    "watches (1 of 4: one shard of four). Dotted: the same measure on the original at the model's "
    "resolution, so that a recogniser's own limits are not taken for privacy. Bars: 95 % intervals "
    "over scenes.",
    draw_recognition,
    "This run recognised nothing.",
)
