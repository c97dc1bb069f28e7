"""Leakage by what the attacker is granted: positions, weights, queries, photos."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import commonest
from bench.report.data import CELL, PIPELINE, REGIONS, RunData
from bench.report.render.palette import attack_looks
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.render.table import Column, Table
from bench.report.statistics import one_column_each, scene_means
from bench.report.topics.columns import CAP, INTERVALS, ordered, sentences, setting_columns, source
from bench.report.words import readable
from bench.runner.folder.records import DEFAULTS, VARIANTS

TIME = ("frames", "motion", "averaged")
"""Settings that the table of time shows."""
LABELS = {
    "positions": "Positions",
    "weights_known": "Weights",
    "can_query": "Queries",
    "public_photos": "Photos",
    "public_data": "Kind of photos",
}
KNOWLEDGE = [name for name in VARIANTS if name not in TIME]
ROW = [*CELL, "attack", *KNOWLEDGE]
WORSE: Final = "higher is worse for privacy"
ACCESS_LINES: dict[str, Any] = {
    "white box": "-",
    "black box": (0, (4, 1.5)),
    "query-free": (0, (1, 1.5)),
}
PANELS = ("visible", "hidden")


def threat_scores(run: RunData) -> pd.DataFrame:
    """Mean PSNR per attack, attacker and region, where a run asked for more than the usual one."""
    rows = run.every_score
    rows = rows[(rows["frames"] == 1) & (rows["metric"] == "psnr") & rows["region"].isin(REGIONS)]
    rows = rows[rows["adaptive"].fillna(True).astype(bool)]
    unusual = pd.Series(False, index=rows.index)
    for name in KNOWLEDGE:
        unusual |= rows[name] != DEFAULTS[name]
    cells = rows.loc[unusual, CELL].drop_duplicates()
    if cells.empty:
        return pd.DataFrame()
    return scene_means(rows.merge(cells, on=CELL), [*ROW, "region"])


@TABLES.register("threats")
class ThreatsTable(ReportTable):
    """Leakage by what the attacker is granted."""

    title = "Leakage by what the attacker knows"
    empty = "This run had the usual attacker only: name others under 'threats' in its preset."
    place = 12

    def build(self, run: RunData) -> Table:
        scores = threat_scores(run)
        frame = pd.DataFrame()
        if not scores.empty:
            frame = ordered(one_column_each(scores, ROW, "region"), ROW)
        return self.table(
            frame,
            (
                *setting_columns(frame, [*CELL, "attack"]),
                *[Column(name, LABELS.get(name, name)) for name in KNOWLEDGE],
                *[
                    Column(region, f"{region.capitalize()} PSNR (dB)", 2, WORSE, interval=True)
                    for region in REGIONS
                ],
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Attacks that need what an attacker lacks are in the table of failures, as "
                "unsupported. Positions hidden: windows come unordered and unnamed; tokens may "
                "still tell where they stand. Weights unknown: the attacker sends its own photos "
                "(black box), or cannot, and learns from a public model (query-free). Photos: the "
                "number of the attacker's own; a query-free attacker that has all owns half of "
                "the run's.",
                CAP,
                INTERVALS,
            ),
        )


def photo_scores(run: RunData) -> pd.DataFrame:
    """Mean PSNR by attack, region, ``access`` and ``count`` of own photos, of the commonest cell.

    Only attacks of which the run has several numbers of photos with one access.
    """
    rows = threat_scores(run)
    if rows.empty:
        return rows
    rows = rows[(rows["positions"] == "known") & (rows["public_data"] == "in-domain")]
    rows = rows[rows["public_photos"] != "all"]
    rows = rows.assign(count=rows["public_photos"].astype(int), access=access(rows))
    line = ["attack", "access"]
    several = rows.groupby(line)["count"].transform("nunique") > 1
    rows = rows[several]
    keys = [*PIPELINE, "coalition", "coalition_choice", "stage"]
    if rows.empty:
        return rows
    return commonest(rows, keys, run.config)


def access(rows: pd.DataFrame) -> pd.Series:
    """How each row's attacker gets at the model, one of `ACCESS_LINES`."""
    white, black, free = ACCESS_LINES
    queried = rows["weights_known"].map({True: white, False: black})
    return queried.where(rows["can_query"].astype(bool), free)


@FIGURES.register("photos")
class PhotosFigure(ReportFigure):
    """PSNR in visible and hidden windows, a line for each attack and access to the model."""

    title = "Leakage by the attacker's own photos"
    caption = (
        "An attacker with few photos. White box: it has the weights. Black box: it sends its "
        "photos through the system, so that each photo is a query. Query-free: it can do neither "
        "and learns from a public model. The photos of a smaller number are among those of a "
        "larger one. Bars: 95 % intervals over scenes."
    )
    empty = (
        "This run did not vary the attackers' number of photos: name some under 'public_photos'."
    )
    place = 7

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        scores = photo_scores(run)
        if scores.empty:
            return None
        figure = canvas(WIDE, 2.9, "Leakage by the attacker's own photos")
        kinds = dict(
            run.records[["attack", "attack_kind"]].dropna().drop_duplicates("attack").values
        )
        names = sorted(scores["attack"].unique())
        looks = attack_looks({name: str(kinds.get(name, "")) for name in names}, theme)
        for axes, region in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
            _panel(axes, scores[scores["region"] == region], looks)
            axes.set_title(f"PSNR, {region} (dB)")
            axes.set_xlabel("photos")
            axes.set_xscale("log", base=2)
            counts = sorted(scores["count"].unique())
            axes.set_xticks(counts, [str(count) for count in counts])
            axes.minorticks_off()
        legend_below(figure, *figure.axes[0].get_legend_handles_labels(), columns=3)
        return figure


def _panel(axes: Axes, rows: pd.DataFrame, looks: dict[str, dict[str, Any]]) -> None:
    for attack, look in looks.items():
        for name, style in ACCESS_LINES.items():
            line = rows[(rows["attack"] == attack) & (rows["access"] == name)]
            if line.empty:
                continue
            line = line.sort_values("count")
            spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
            own = look | {"linestyle": style, "elinewidth": 0.7}
            label = f"{readable(attack)}, {name}"
            axes.errorbar(line["count"], line["mean"], spread, label=label, **own)
