"""Leakage against the number of photos that an attacker has of his own."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.base import Plot
from bench.report.choice import commonest
from bench.report.data import PIPELINE, RunData
from bench.report.render.palette import attack_looks
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.topics.attackers.knowledge import threat_scores
from bench.report.words import readable

ACCESS_LINES: dict[str, Any] = {
    "white box": "-",
    "black box": (0, (4, 1.5)),
    "query-free": (0, (1, 1.5)),
}
PANELS = ("visible", "hidden")


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


def draw_photos(run: RunData, theme: Theme) -> Figure | None:
    """PSNR in visible and hidden windows, a line for each attack and access to the model."""
    scores = photo_scores(run)
    if scores.empty:
        return None
    figure = canvas(WIDE, 2.9, "Leakage by the attacker's own photos")
    kinds = dict(run.records[["attack", "attack_kind"]].dropna().drop_duplicates("attack").values)
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


PHOTOS = Plot(
    "photos",
    "An attacker with few photos of his own. White box: he knows the weights. Black box: he sends "
    "his photos through the system, so that their number is that of his queries. Query-free: he "
    "can do neither and learns from a public model. The photos of a smaller number are among those "
    "of a larger one. Bars: 95 % intervals over scenes.",
    draw_photos,
    "This run did not vary the attackers' number of photos: name some under 'public_photos'.",
)
