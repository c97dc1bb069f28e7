"""Hidden-region against full-image PSNR, with what the visible share explains."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from math import ceil
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.metrics.psnr import CAP_DB
from bench.report.aggregate.leakage import CONTROLS, adaptive, attack_scores, oracle_scores, plain
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import commonest
from bench.report.data import CELL, PIPELINE, RunData
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.render.table import Column, Table
from bench.report.topics.columns import (
    constant_settings,
    ordered,
    sentences,
    setting_columns,
    source,
)
from bench.report.words import measure, readable, shown_metrics

KEYS = [*CELL, "attack", "attack_kind"]
SEEN = [*PIPELINE, "coalition", "coalition_choice", "image_id"]
WORSE: Final = "higher is worse for privacy"
SAME, OWN = "always_hidden", "hidden"
MAIN = ("plan", "payload", "adapted", "coalition_choice")
"""What is the same all over the figure."""
MOST_PANELS = 4
MOST_TICKS = 8
TITLES = {SAME: "always hidden", OWN: "hidden"}
DIAMOND: dict[str, Any] = {
    "linestyle": "none",
    "marker": "D",
    "markersize": 6.5,
    "markerfacecolor": "none",
    "markeredgewidth": 0.8,
}


@TABLES.register("coalition")
class CoalitionTable(ReportTable):
    """Table 4: how much of a full-image PSNR is what was handed over."""

    title = "Hidden and full PSNR against coalition size, and what the visible share explains"
    empty = "This run scored no PSNR of coalitions."
    place = 8

    def build(self, run: RunData) -> Table:
        frame = coalition_summary(run)
        return self.table(
            frame,
            (
                *setting_columns(frame, [*CELL, "attack"]),
                Column("visible_fraction", "Visible share", 3, WORSE),
                Column("hidden", "Hidden PSNR (dB)", 2, WORSE),
                Column("visible", "Visible PSNR (dB)", 2, WORSE),
                Column("full", "Full PSNR (dB)", 2, WORSE),
                Column("formula", "Formula (dB)", 2),
                Column("off", "Off (dB)", 2),
                Column("identity", "Identity (dB)", 2),
                Column("of_means", "Of means (dB)", 2),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Formula: hidden PSNR − 10 log10(1 − visible share) per image, then the mean; it "
                "holds where the visible windows are copied exactly. Identity: the mean squared "
                "error of both regions added up by their shares; it differs from the measured "
                f"value only by the {CAP_DB:g} dB cap. Off: measured − formula; negative where "
                "the visible windows come back with errors. Of means: the formula applied to the "
                "mean hidden PSNR and the mean visible share; what it differs from Formula by "
                "comes of averaging over photos. Each coalition is scored on its own hidden "
                "windows; where everything is visible nothing is hidden.",
                constant_settings(frame, CELL),
            ),
        )


def coalition_summary(run: RunData) -> pd.DataFrame:
    """One row per cell and attack: measured PSNR per region beside what explains it."""
    images = coalition_images(run)
    if images.empty:
        return images
    groups = images.groupby(KEYS, dropna=False)
    columns = ["visible_fraction", "hidden", "visible", "full", "formula", "identity"]
    means = groups[columns].mean().join(groups["image_id"].nunique().rename("images"))
    means = means.reset_index()
    means["off"] = means["full"] - means["formula"]
    means["of_means"] = formula(means["hidden"], means["visible_fraction"])
    return ordered(means, KEYS)


def coalition_images(run: RunData) -> pd.DataFrame:
    """Per image: hidden, visible and full PSNR, visible share, formula and identity."""
    leakage = plain(adaptive(run.leakage))
    rows = leakage[leakage["metric"] == "psnr"]
    if rows.empty or "visible_fraction" not in run.exposure:
        return pd.DataFrame()
    wide = rows.pivot(index=[*KEYS, "image_id"], columns="region", values="value").reset_index()
    wide = wide.rename_axis(columns=None).reindex(
        columns=[*KEYS, "image_id", "hidden", "visible", "full"]
    )
    images = wide.merge(run.exposure[[*SEEN, "visible_fraction"]], on=SEEN)
    images["formula"] = formula(images["hidden"], images["visible_fraction"])
    images["identity"] = identity(images["hidden"], images["visible"], images["visible_fraction"])
    return images


def formula(hidden: pd.Series, visible_fraction: pd.Series) -> pd.Series:
    """Full PSNR (dB) where visible pixels are copied: hidden − 10 log10(1 − visible share)."""
    hidden_share = (1 - visible_fraction).where(visible_fraction < 1)
    return (hidden - 10 * np.log10(hidden_share)).clip(upper=CAP_DB)


def identity(hidden: pd.Series, visible: pd.Series, visible_fraction: pd.Series) -> pd.Series:
    """Full PSNR (dB) from the errors of both regions, each weighed by its share."""
    error = _share(1 - visible_fraction, hidden) + _share(visible_fraction, visible)
    return error.clip(lower=10 ** (-CAP_DB / 10)).apply(np.log10) * -10


def _share(share: pd.Series, psnr: pd.Series) -> pd.Series:
    """What a region adds to the mean squared error, relative to the squared range."""
    error = (10 ** (-psnr / 10)).where(psnr.isna() | (psnr < CAP_DB), 0.0)
    return (share * error).where(share > 0, 0.0)


@FIGURES.register("coalition")
class CoalitionFigure(ReportFigure):
    """One row per number of shards, one line per policy, the strongest single attack."""

    title = "Leakage against coalition size"
    caption = (
        "The full-image score rises with the coalition because more was handed over, not because "
        "more was guessed: diamonds give what the hidden score and the visible share alone "
        "explain (visible windows taken as copied). Where the line lies below its diamond the "
        "visible windows came back with errors, or the 60 dB cap holds. Left and right: the "
        "windows hidden at every size, so that sizes compare; with all shards colluding nothing "
        "is hidden. Bars: 95 % intervals over images."
    )
    empty = "This run has fewer than two coalition sizes, so there is no growth to show."
    place = 3

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        summary = commonest(plain(attack_scores(run)), MAIN, run.config)
        if summary.empty or summary["coalition"].nunique() < 2:
            return None
        attack = strongest_attack(summary)
        if attack is None:
            return None
        floors = _where(plain(oracle_scores(run)), {key: summary[key].iloc[0] for key in MAIN})
        explained = coalition_summary(run)
        chosen = summary[(summary["attack"] == attack)]
        grown = chosen.groupby("n_shards")["coalition"].nunique() > 1
        sizes = sorted(grown.index[grown])
        if not sizes:
            return None
        panels = _panels(summary)
        figure = canvas(
            WIDE,
            0.6 + 2.05 * len(sizes),
            f"Leakage against coalition size: {readable(attack)}, the attack strongest on average "
            f"({readable(summary['plan'].iloc[0])}, {summary['payload'].iloc[0]}, no defence)",
        )
        grid = figure.subplots(len(sizes), len(panels), squeeze=False)
        for axes_row, shards in zip(grid, sizes, strict=True):
            for axes, (metric, region, title) in zip(axes_row, panels, strict=True):
                here = {"metric": metric, "region": region, "n_shards": shards}
                _lines(axes, _where(chosen, here), _where(floors, here), theme)
                if region == "full" and not explained.empty:
                    formula = _where(explained, {"attack": attack, "n_shards": shards})
                    for key in MAIN:
                        formula = formula[formula[key].isin(chosen[key])]
                    _formula(axes, formula, theme)
                axes.set_title(title)
                axes.set_ylabel(measure(metric).hint, color=theme.muted)
                axes.set_xlabel(f"colluding shards of {shards}")
                _sizes(axes, shards)
        _legend(figure, chosen, theme)
        return figure


def _panels(summary: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Metric, region and title; the windows hidden at every size where the run scored them.

    PSNR, and of the metrics that the region has, as many as fit beside it.
    """
    region = SAME if SAME in set(summary["region"]) else OWN
    panels = [
        ("psnr", region, f"PSNR, {TITLES[region]} (dB)"),
        ("psnr", "full", "PSNR, full image (dB)"),
    ]
    scored = summary.loc[(summary["region"] == region) & summary["mean"].notna(), "metric"]
    others = [metric for metric in shown_metrics(scored) if metric != "psnr"]
    return panels + [
        (metric, region, f"{measure(metric).heading}, {TITLES[region]}")
        for metric in others[: MOST_PANELS - len(panels)]
    ]


def strongest_attack(summary: pd.DataFrame) -> str | None:
    """The attack, controls aside, with the highest mean hidden PSNR over all cells it shares."""
    real = summary[
        ~summary["attack_kind"].isin(CONTROLS)
        & (summary["metric"] == "psnr")
        & (summary["region"] == "hidden")
    ]
    if real.empty:
        return None
    table = real.pivot_table(index="attack", columns=CELL, values="mean", observed=True)
    complete = table.dropna(axis=1)
    return str((table if complete.empty else complete).mean(axis=1).idxmax())


def _where(frame: pd.DataFrame, values: dict[str, object]) -> pd.DataFrame:
    for key, value in values.items():
        frame = frame[frame[key] == value]
    return frame


def _sizes(axes: Axes, shards: int) -> None:
    """An axis from one colluding shard to all, with room for the marks at both ends."""
    axes.set_xticks(range(1, shards + 1, ceil(shards / MOST_TICKS)))
    room = max(0.5, 0.06 * shards)
    axes.set_xlim(1 - room, shards + room)


def _lines(axes: Axes, attacks: pd.DataFrame, floors: pd.DataFrame, theme: Theme) -> None:
    for colour, policy, shift in _styles(attacks, theme):
        line = attacks[attacks["policy"] == policy].sort_values("coalition")
        x = line["coalition"].astype(float) + shift
        spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
        axes.errorbar(x, line["mean"], spread, marker="o", color=colour, elinewidth=0.7)
        floor = floors[floors["policy"] == policy].sort_values("coalition")
        if floor["floor"].notna().any():
            x = floor["coalition"].astype(float) + shift
            axes.plot(x, floor["floor"], color=colour, linewidth=0.9, linestyle=":")


def _formula(axes: Axes, explained: pd.DataFrame, theme: Theme) -> None:
    for colour, policy, shift in _styles(explained, theme):
        line = explained[explained["policy"] == policy]
        x = line["coalition"].astype(float) + shift
        axes.plot(x, line["formula"], **DIAMOND, markeredgecolor=colour)


def _styles(frame: pd.DataFrame, theme: Theme) -> Iterator[tuple[str, str, float]]:
    """Colour and policy, and how far to move it aside so that intervals do not overlap."""
    policies = _policies(frame)
    step = 0.012 * float(frame["n_shards"].max() if len(frame) else 1) + 0.02
    for place, (colour, policy) in enumerate(zip(cycle(theme.series), policies, strict=False)):
        yield colour, policy, step * (place - (len(policies) - 1) / 2)


def _policies(frame: pd.DataFrame) -> list[str]:
    return sorted(frame["policy"].unique())


def _legend(figure: Figure, chosen: pd.DataFrame, theme: Theme) -> None:
    handles = [
        Line2D([], [], color=colour, marker="o", label=readable(policy))
        for colour, policy in zip(cycle(theme.series), _policies(chosen), strict=False)
    ]
    handles += [
        Line2D([], [], color=theme.muted, linestyle=":", linewidth=0.9, label="best floor"),
        Line2D(
            [],
            [],
            **DIAMOND,
            markeredgecolor=theme.muted,
            label="hidden − 10 log₁₀(1 − visible share)",
        ),
    ]
    legend_below(figure, handles, [str(handle.get_label()) for handle in handles])
