"""What is still recognised: the original, the windows as received, and reconstructions."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.recognition import RECOGNISERS
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import commonest
from bench.report.data import RunData
from bench.report.render.palette import attack_looks
from bench.report.render.style import DOTTED, WIDE, Theme, canvas, legend_below
from bench.report.render.table import Column, Table
from bench.report.statistics import scene_means
from bench.report.topics.columns import INTERVALS, sentences, source
from bench.report.words import readable
from bench.spec.cells import ORIGINAL, SEEN

ROW = ["recogniser", "metric", "policy", "picture"]
COALITION = ["n_shards", "coalition"]
SITUATION = ("policy", "plan", "payload", "coalition_choice")
ORIGINAL_LINE: dict[str, Any] = {
    "label": "original",
    "linewidth": 0.9,
    "linestyle": DOTTED,
    "zorder": 1,
}
LEVEL = 5
"""Names of coalitions that have room side by side."""


def recognition_scores(run: RunData) -> pd.DataFrame:
    """One row per recogniser, metric, policy, picture, shards and coalition: mean and interval.

    ``picture`` is ``seen``, ``original`` or the name of the attack that made it.
    """
    by_metric = {metric: name for name, part in RECOGNISERS.items() for metric in part.metrics}
    rows = run.scores[run.scores["metric"].isin(by_metric) & (run.scores["region"] == "full")]
    rows = rows[(rows["defence"] == "none") & (rows["stage"] == "earliest")]
    if rows.empty:
        return pd.DataFrame()
    rows = rows.assign(recogniser=rows["metric"].map(by_metric), picture=rows["attack"].astype(str))
    keys = [*ROW, "plan", "payload", *COALITION, "coalition_choice"]
    return scene_means(rows, keys)


def ceilings(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of the original at the model's resolution, one row per metric."""
    return scores[scores["picture"] == ORIGINAL].drop_duplicates("metric")


@TABLES.register("recognition")
class RecognitionTable(ReportTable):
    """Recogniser × ceiling, one shard of several numbers, coalitions."""

    title = "What is recognised in the original, in what was seen, and in reconstructions"
    empty = "This run recognised nothing: name recognisers under 'recognise' in its preset."
    place = 13

    def build(self, run: RunData) -> Table:
        scores = recognition_scores(run)
        frame = pd.DataFrame()
        labels: list[str] = []
        if not scores.empty:
            frame, labels = _wide(scores)
        return self.table(
            frame,
            (
                Column("recogniser", "Recogniser"),
                Column("metric", "Measure"),
                Column("policy", "Policy"),
                Column("picture", "Picture"),
                Column("ceiling", "Ceiling", 3, interval=True),
                *[Column(label, label, 3, interval=True) for label in labels],
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Ceiling: the original at the model's resolution; what a recogniser misses there "
                "is its own limit, not privacy. Picture: seen is the windows as received, the "
                "rest of one colour. 1 of 4: one shard of four. Higher: more is recognised; false "
                "alarms, chance and false accepts say how much of it is none. Photos with nothing "
                "to recognise do not count.",
                INTERVALS,
            ),
        )


def _wide(scores: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """One row per `ROW`, one column with its interval per coalition."""
    ceiling = ceilings(scores).set_index("metric")
    rest = scores[scores["picture"] != ORIGINAL]
    labels = [
        f"{coalition} of {shards}"
        for shards, coalition in rest[COALITION].drop_duplicates().sort_values(COALITION).to_numpy()
    ]
    rows = []
    for values, group in rest.groupby(ROW, sort=True):
        row: dict[str, Any] = dict(zip(ROW, values, strict=True))
        row |= {"images": int(group["images"].max())}
        for _, score in group.iterrows():
            label = f"{score['coalition']} of {score['n_shards']}"
            for end in ("", "_low", "_high"):
                row[label + end] = score[f"mean{end}"]
        if row["metric"] in ceiling.index:
            for end in ("", "_low", "_high"):
                row[f"ceiling{end}"] = ceiling[f"mean{end}"][row["metric"]]
        rows.append(row)
    keys = [f"{key}{end}" for key in ("ceiling", *labels) for end in ("", "_low", "_high")]
    return pd.DataFrame(rows).reindex(columns=[*ROW, *keys, "images"]), labels


@FIGURES.register("recognition")
class RecognitionFigure(ReportFigure):
    """One panel per recogniser: its telling measure by coalition, one mark per picture."""

    title = "What is recognised"
    caption = (
        "Each recogniser's telling measure on the windows as received and on reconstructions, by "
        "coalition (1 of 4: one shard of four). Dotted: the same measure on the original at the "
        "model's resolution, so that a recogniser's own limits are not taken for privacy. Bars: "
        "95 % intervals over scenes."
    )
    empty = "This run recognised nothing."
    place = 10

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        scores = recognition_scores(run)
        if scores.empty:
            return None
        scores = commonest(scores, SITUATION, run.config)
        telling = [part.metrics[0] for _, part in RECOGNISERS.items()]
        telling = [metric for metric in telling if metric in set(scores["metric"])]
        pictures = sorted(
            set(scores["picture"]) - {ORIGINAL}, key=lambda name: (name != SEEN, name)
        )
        if not telling or not pictures:
            return None
        setting = ", ".join(
            readable(str(scores[key].iloc[0])) for key in ("policy", "plan", "payload")
        )
        height = 0.7 + 1.9 * ((len(telling) + 2) // 3)
        figure = canvas(WIDE, height, f"What is recognised ({setting})")
        kinds = dict(
            run.records[["attack", "attack_kind"]].dropna().drop_duplicates("attack").values
        )
        looks = attack_looks({name: str(kinds.get(name, "")) for name in pictures}, theme)
        panels = figure.subplots((len(telling) + 2) // 3, min(3, len(telling)), squeeze=False)
        for axes, metric in zip(panels.flat, telling, strict=False):
            _panel(axes, scores[scores["metric"] == metric], looks, theme)
        for axes in list(panels.flat)[len(telling) :]:
            axes.set_visible(False)
        legend_below(figure, *panels.flat[0].get_legend_handles_labels())
        return figure


def _panel(axes: Axes, rows: pd.DataFrame, looks: dict[str, dict[str, Any]], theme: Theme) -> None:
    coalitions = rows[COALITION].drop_duplicates().sort_values(COALITION).to_numpy().tolist()
    places = {tuple(pair): place for place, pair in enumerate(coalitions)}
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
        axes.axhline(float(ceiling["mean"].iloc[0]), **ORIGINAL_LINE, color=theme.muted)
    axes.set_title(readable(str(rows["metric"].iloc[0])))
    axes.set_ylim(-0.03, 1.08)
    names = [f"{c} of {n}" for n, c in coalitions]
    axes.set_xticks(range(len(coalitions)), names, rotation=45 if len(names) > LEVEL else 0)
