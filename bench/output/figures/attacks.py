"""Every attack side by side, with intervals, floors and ceiling."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attacks.priors import swapped_twins
from bench.output.figures.plot import Plot
from bench.output.figures.style import WIDE, Theme, canvas, readable
from bench.output.leakage import attack_scores, higher_is_worse, oracle_scores, plain
from bench.output.rundata import CEILING, CELL, RunData
from bench.output.tables.common import LEAKAGE_LABELS

ORACLE = "oracle"
ORACLE_NAME = "worst case (oracle)"
PANELS = (("hidden", "psnr"), ("hidden", "lpips"), ("visible", "psnr"), ("visible", "lpips"))


def draw_attacks(run: RunData, theme: Theme) -> Figure | None:
    """Mean score and interval of each attack in one cell, in the hidden and visible regions."""
    cell = main_cell(plain(run.leakage), run.config)
    if cell is None:
        return None
    wanted = pd.DataFrame([cell])
    oracle = oracle_scores(run).merge(wanted, on=list(cell))
    oracle = oracle.assign(attack=ORACLE_NAME, attack_kind=ORACLE)
    single = attack_scores(run)
    single = single[~single["attack"].isin(swapped_twins())]
    summary = pd.concat([single.merge(wanted, on=list(cell)), oracle])
    panels = [(r, m) for r, m in PANELS if _panel(summary, r, m)["mean"].notna().any()]
    if not panels:
        return None
    names = _names(summary)
    figure = canvas(
        WIDE,
        0.9 + 0.19 * len(names),
        f"What {cell['coalition']} of {cell['n_shards']} shards get back ({cell['plan']}, "
        f"{cell['policy']} assignment)",
    )
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (region, metric) in zip(grid, panels, strict=True):
        _draw(axes, _panel(summary, region, metric), names, theme)
        label, _ = LEAKAGE_LABELS[metric]
        axes.set_title(f"{region.capitalize()} {label}")
        axes.set_xlabel("more leakage  →")
        _clip_ceiling(axes, _panel(summary, region, metric), names, theme)
        if not higher_is_worse(metric):
            axes.invert_xaxis()
    return figure


def main_cell(leakage: pd.DataFrame, config: dict[str, Any]) -> dict[str, Any] | None:
    """The cell whose pictures are kept; else the smallest coalition of the commonest policy."""
    if leakage.empty:
        return None
    cells = leakage.groupby(CELL, dropna=False)["attack"].nunique().reset_index(name="attacks")
    cells["common"] = cells["policy"].map(leakage["policy"].value_counts())
    cells["alone"] = cells["n_shards"] == 1
    order = ["alone", "attacks", "common", "coalition", "n_shards"]
    cells = cells.sort_values(order, ascending=[True, False, False, True, True])
    for wanted in config.get("pictures") or ():
        match = cells
        for key, value in wanted.items():
            match = match[match[key] == value] if key in match else match
        if not match.empty:
            cells = match
            break
    return {key: cells.iloc[0][key] for key in CELL}


def _panel(summary: pd.DataFrame, region: str, metric: str) -> pd.DataFrame:
    return summary[(summary["region"] == region) & (summary["metric"] == metric)]


def _names(summary: pd.DataFrame) -> list[str]:
    """Attacks from top to bottom: floors, attacks, the worst case of them, the ceiling."""
    unique = summary[["attack", "attack_kind"]].drop_duplicates()
    order = ("floor", "inpainting", "inversion", ORACLE, "ceiling")
    place = unique["attack_kind"].map({kind: i for i, kind in enumerate(order)}).fillna(2.5)
    return list(unique.assign(place=place).sort_values(["place", "attack"])["attack"])


def _draw(axes: Axes, rows: pd.DataFrame, names: list[str], theme: Theme) -> None:
    for _, row in rows.iterrows():
        colour = theme.kinds.get(row["attack_kind"], theme.ink)
        y = names.index(row["attack"])
        if pd.notna(row["mean_low"]):
            axes.plot([row["mean_low"], row["mean_high"]], [y, y], color=colour, linewidth=1.6)
        marker = "D" if row["attack_kind"] == ORACLE else "o"
        axes.plot(row["mean"], y, marker=marker, color=colour, markersize=4.5)
    axes.set_yticks(range(len(names)), [readable(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _clip_ceiling(axes: Axes, rows: pd.DataFrame, names: list[str], theme: Theme) -> None:
    """Leave a far ceiling outside the axis, so that the attacks can be told apart."""
    others = rows.loc[rows["attack_kind"] != CEILING, ["mean", "mean_low", "mean_high"]]
    ceiling = rows[rows["attack_kind"] == CEILING]
    if others.empty or ceiling.empty:
        return
    low, high = float(others.min().min()), float(others.max().max())
    value = float(ceiling["mean"].iloc[0])
    pad = 0.08 * (high - low) or 1.0
    if low - 3 * pad <= value <= high + 3 * pad:
        return
    axes.set_xlim(low - pad, high + pad)
    axes.annotate(
        f"{value:.3g} →",
        (0.99, names.index(ceiling["attack"].iloc[0])),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="center",
        color=theme.kinds[CEILING],
    )


ATTACKS_PLOT = Plot(
    "attacks",
    "Mean over images with 95 % interval. Grey: floors, made of public photos, which know nothing "
    "of what is hidden; those that are an attack, handed another photo's windows, stand in the "
    "table alone. Green: inpainting from the windows seen. Blue: inversion of the tokens. "
    "Orange: per image the attack that leaks most, an oracle bound. At the foot: the ceiling, a "
    "centralized server, which holds the picture. To the right is more leakage in every panel: "
    "lower LPIPS means more, so its axis is reversed.",
    draw_attacks,
    "This run attacked nothing.",
)
