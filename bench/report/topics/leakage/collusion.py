"""Hidden and full leakage by family of attacks, and exposure, against the share that colludes."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from bench.report.aggregate.families import BEST_FLOOR, FAMILIES, family_scores
from bench.report.aggregate.leakage import adaptive, plain
from bench.report.base import FIGURES, ReportFigure
from bench.report.choice import commonest
from bench.report.data import RunData
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.topics.exposure import exposure_scores
from bench.report.words import readable

SAME, OWN, FULL = "always_hidden", "hidden", "full"
TITLES = {SAME: "PSNR, always hidden (dB)", OWN: "PSNR, hidden (dB)", FULL: "PSNR, full (dB)"}
SEEN = {
    "visible_fraction": "share of the picture seen",
    "objects_half_seen": "objects seen to 50 %",
    "objects_seen_90": "objects seen to 90 %",
}
SEEN_LINES: tuple[dict[str, Any], ...] = (
    {"linestyle": "-", "marker": "s", "markersize": 3},
    {"linestyle": (0, (3, 1.2)), "marker": "^", "markersize": 3.5},
    {"linestyle": (0, (1, 1.2)), "marker": "D", "markersize": 2.5},
)
LEAST_APART = 0.2
"""Share of an axis that a label takes."""
SITUATION = ("plan", "payload", "adapted", "policy", "coalition_choice")


@FIGURES.register("collusion")
class CollusionFigure(ReportFigure):
    """A column for each number of shards; rows for PSNR by region, and for exposure."""

    title = "Leakage and exposure against the share that colludes"
    caption = (
        "Per photo the attack of a family that leaks most, then the mean: higher is worse for "
        "privacy everywhere. Always hidden: the windows that even the largest coalition shown "
        "lacks, so that sizes compare. Full: the whole picture, which rises because more of it is "
        "handed over. At the foot what is seen without any model: the share of the picture that "
        "the coalition with the largest share has, and of its objects those seen to at least "
        "half, or 90 %. Dotted: the best floor, made of public photos. Bars: 95 % intervals over "
        "images."
    )
    empty = "This run has fewer than two coalition sizes for every number of shards."
    place = 4

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        leaks = plain(adaptive(run.leakage))
        leaks = commonest(leaks[leaks["metric"] == "psnr"], SITUATION, run.config)
        sizes = [
            int(str(n)) for n, rows in leaks.groupby("n_shards") if len(set(rows["coalition"])) > 1
        ]
        if not sizes:
            return None
        scores = family_scores(leaks, ["n_shards", "coalition"])
        same = SAME if SAME in set(scores["region"]) else OWN
        exposed = _like(exposure_scores(run), leaks)
        panels = [same, FULL] + (["seen"] if not exposed.empty else [])
        figure = canvas(
            WIDE,
            0.75 + 1.6 * len(panels),
            f"What colluding shards get ({leaks['policy'].iloc[0]} assignment, "
            f"{readable(leaks['plan'].iloc[0])}, {leaks['payload'].iloc[0]}, no defence)",
        )
        grid = figure.subplots(len(panels), len(sizes), squeeze=False, sharey="row", sharex="col")
        for axes_row, panel in zip(grid, panels, strict=True):
            for axes, shards in zip(axes_row, sizes, strict=True):
                if panel == "seen":
                    _exposure(axes, exposed[exposed["n_shards"] == shards], shards, theme)
                else:
                    here = scores[(scores["n_shards"] == shards) & (scores["region"] == panel)]
                    _families(axes, here, shards, theme)
            axes_row[0].set_ylabel(TITLES.get(panel, "Seen, without a model"))
        for axes, shards in zip(grid[0], sizes, strict=True):
            axes.set_title(f"{shards} shards")
        for axes, shards in zip(grid[-1], sizes, strict=True):
            axes.set_xlabel("shards that collude")
            counts = leaks.loc[leaks["n_shards"] == shards, "coalition"]
            axes.set_xticks(_apart(sorted({int(count) / shards for count in counts})))
            axes.margins(x=0.12)
            axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        _legend(
            figure, set(scores["family"]), set(exposed["share"]) if len(exposed) else set(), theme
        )
        return figure


def _apart(shares: list[float]) -> list[float]:
    """The shares that have room for a label each, the first among them."""
    room = LEAST_APART * (shares[-1] - shares[0])
    kept = shares[:1]
    for share in shares[1:]:
        if share - kept[-1] >= room:
            kept.append(share)
    return kept


def _like(exposed: pd.DataFrame, leaks: pd.DataFrame) -> pd.DataFrame:
    for key in ("plan", "policy", "coalition_choice"):
        if not exposed.empty:
            exposed = exposed[exposed[key] == leaks[key].iloc[0]]
    return exposed


def _families(axes: Axes, rows: pd.DataFrame, shards: int, theme: Theme) -> None:
    for name, look in _looks(theme).items():
        _line(axes, rows[rows["family"] == name], shards, look)


def _exposure(axes: Axes, rows: pd.DataFrame, shards: int, theme: Theme) -> None:
    for look, share in zip(SEEN_LINES, SEEN, strict=True):
        _line(axes, rows[rows["share"] == share], shards, look | {"color": theme.ink})
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))


def _line(axes: Axes, line: pd.DataFrame, shards: int, look: dict[str, Any]) -> None:
    line = line.sort_values("coalition")
    spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
    spread = [side.clip(lower=0) for side in spread]
    axes.errorbar(line["coalition"].astype(float) / shards, line["mean"], spread, **look)


def _looks(theme: Theme) -> dict[str, dict[str, Any]]:
    """How each family is drawn; the floor is dotted."""
    looks: dict[str, dict[str, Any]] = {
        name: {"color": theme.kinds[name], "marker": "o", "elinewidth": 0.7}
        for name in FAMILIES[1:]
    }
    floor = {"color": theme.kinds["floor"], "linestyle": ":", "elinewidth": 0.7}
    return {BEST_FLOOR: floor} | looks


def _legend(figure: Figure, families: set[str], seen: set[str], theme: Theme) -> None:
    handles = []
    for name, look in _looks(theme).items():
        look.pop("elinewidth")
        if name in families:
            handles.append(Line2D([], [], label=name, **look))
    for look, share in zip(SEEN_LINES, SEEN, strict=True):
        if share in seen:
            handles.append(Line2D([], [], label=SEEN[share], color=theme.ink, **look))
    legend_below(figure, handles, [str(handle.get_label()) for handle in handles], columns=4)
