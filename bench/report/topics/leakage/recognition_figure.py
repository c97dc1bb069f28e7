"""How much of what is recognised in the original is recognised by those who saw a part."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.recognition import RECOGNISERS
from bench.report.base import Plot
from bench.report.choice import commonest
from bench.report.data import RunData
from bench.report.render.palette import attack_looks
from bench.report.render.style import WIDE, Theme, canvas, legend_below, reference_line
from bench.report.topics.leakage.recognition import WATCHERS, ceilings, recognition_scores
from bench.report.words import readable
from bench.spec.cells import ORIGINAL, SEEN

SITUATION = ("policy", "plan", "payload", "coalition_choice")
LEVEL = 5
"""Names of coalitions that have room side by side."""


def draw_recognition(run: RunData, theme: Theme) -> Figure | None:
    """One panel per recogniser: its telling measure by coalition, one mark per picture."""
    scores = recognition_scores(run)
    if scores.empty:
        return None
    scores = commonest(scores, SITUATION, run.config)
    telling = [part.metrics[0] for _, part in RECOGNISERS.items()]
    telling = [metric for metric in telling if metric in set(scores["metric"])]
    pictures = sorted(set(scores["picture"]) - {ORIGINAL}, key=lambda name: (name != SEEN, name))
    if not telling or not pictures:
        return None
    setting = ", ".join(readable(str(scores[key].iloc[0])) for key in ("policy", "plan", "payload"))
    height = 0.7 + 1.9 * ((len(telling) + 2) // 3)
    figure = canvas(WIDE, height, f"What is recognised ({setting})")
    kinds = dict(run.records[["attack", "attack_kind"]].dropna().drop_duplicates("attack").values)
    looks = attack_looks({name: str(kinds.get(name, "")) for name in pictures}, theme)
    panels = figure.subplots((len(telling) + 2) // 3, min(3, len(telling)), squeeze=False)
    for axes, metric in zip(panels.flat, telling, strict=False):
        _panel(axes, scores[scores["metric"] == metric], looks, theme)
    for axes in list(panels.flat)[len(telling) :]:
        axes.set_visible(False)
    legend_below(figure, *panels.flat[0].get_legend_handles_labels())
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, looks: dict[str, dict[str, Any]], theme: Theme) -> None:
    watchers = rows[WATCHERS].drop_duplicates().sort_values(WATCHERS).to_numpy().tolist()
    places = {tuple(pair): place for place, pair in enumerate(watchers)}
    for number, (picture, look) in enumerate(looks.items()):
        line = rows[rows["picture"] == picture]
        shift = 0.6 * ((number + 0.5) / len(looks) - 0.5)
        pairs = zip(line["n_shards"], line["coalition"], strict=True)
        x = [places[n, c] + shift for n, c in pairs]
        spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
        own = {"marker": "o", **look, "linestyle": "none", "elinewidth": 0.7}
        axes.errorbar(x, line["mean"], spread, label=readable(picture), **own)
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
