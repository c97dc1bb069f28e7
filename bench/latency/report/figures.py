"""The figures of a latency run."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.latency.config import BASELINE
from bench.latency.network.links import DIRECT
from bench.latency.report.summary import MODELLED
from bench.latency.results import LatencyRun
from bench.report.render.style import NARROW, WIDE, Theme, canvas
from bench.report.words import readable

CAPTIONS = {
    "latency": "Seconds from a photo to one mask by link and plan: median, in the darker part the "
    "edge's own work; the thin line ends at the 95th percentile. Dotted: the edge alone.",
    "crossover": "Curves: seconds by bandwidth with servers that take no time, from the edge's "
    "part as measured, at 20 ms one way; from the curve down to the lower end of its band, if "
    "uploads and downloads overlap instead of taking turns. Below the edge alone, offloading pays. "
    "Points, where links were measured: medians over each, with its own delay and servers no "
    "faster than the edge.",
}
DELAY_MS = 20.0
DOTS = (0, (1, 1.6))


def draw(run: LatencyRun, name: str, theme: Theme) -> Figure:
    """One of `CAPTIONS`."""
    return {"latency": draw_latency, "crossover": draw_crossover}[name](run, theme)


def draw_latency(run: LatencyRun, theme: Theme) -> Figure:
    """A panel of bars for each link."""
    rows = run.summary
    links = list(dict.fromkeys(rows["link"]))
    columns = min(3, len(links))
    lines = -(-len(links) // columns)
    height = 0.75 + lines * (0.65 + 0.2 * len(run.config.plans))
    figure = canvas(WIDE, height, f"What a link costs · {_title(run)}")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, link in zip(panels, links, strict=False):
        _bars(axes, rows[rows["link"] == link], theme)
    for axes in panels[len(links) :]:
        axes.set_axis_off()
    for place, axes in enumerate(panels[: len(links)]):
        if place % columns:
            axes.set_yticklabels([])
    _legend(figure, panels[0])
    return figure


def _legend(figure: Figure, axes: Axes) -> None:
    """What the two shades mean, in the corner that panels leave free."""
    total, edge = axes.patches[0], axes.patches[len(axes.patches) // 2]
    names = ["the edge's own work", "waiting for servers and link"]
    figure.legend([edge, total], names, loc="outside lower right", ncols=2, frameon=False)


def _bars(axes: Axes, rows: pd.DataFrame, theme: Theme) -> None:
    places = list(range(len(rows)))
    first = rows.iloc[0]
    colour = theme.series[0]
    axes.barh(places, rows["median"], color=colour, alpha=0.4, height=0.62)
    axes.barh(places, rows["edge"], color=colour, height=0.62)
    for place, (_, row) in zip(places, rows.iterrows(), strict=True):
        axes.plot([row["median"], row["p95"]], [place, place], color=theme.muted, linewidth=0.9)
        text, end = f" {row['median']:.3g} s", max(row["median"], row["p95"])
        axes.text(end, place, text, va="center", fontsize=6.5, color=theme.muted)
    alone = rows.set_index("plan")["median"].to_dict()[BASELINE]
    axes.axvline(alone, color=theme.muted, linewidth=0.9, linestyle=DOTS, zorder=1)
    axes.set_yticks(places, [readable(plan) for plan in rows["plan"]])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, float(rows[["median", "p95"]].to_numpy().max()) * 1.3)
    title = f"{first['link']}: {first['delay_ms']:g} ms, {first['mbps']:g} Mb/s"
    axes.set_title("no link" if first["link"] == DIRECT.name else title)
    axes.set_xlabel("seconds")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def draw_crossover(run: LatencyRun, theme: Theme) -> Figure:
    """Seconds by bandwidth, a curve for each plan."""
    direct = run.summary["link"] == DIRECT.name
    rows, links = run.summary[direct].set_index("plan"), run.summary[~direct]
    figure = canvas(NARROW, 2.6, f"When offloading pays · {_title(run)}")
    axes = figure.subplots()
    mbps = np.logspace(0, 4, 200)
    plans = [plan for plan in rows.index if plan != BASELINE]
    for plan, colour in zip(plans, theme.series, strict=False):
        row = rows.loc[plan]
        up, down = row["mb_up"] * 8 / mbps, row["mb_down"] * 8 / mbps
        steady = row["edge"] + 2e-3 * DELAY_MS * row["rounds"]
        axes.plot(mbps, steady + up + down, color=colour, label=readable(plan))
        overlapped = steady + np.maximum(up, down)
        axes.fill_between(mbps, overlapped, steady + up + down, color=colour, alpha=0.15, lw=0)
        measured = links[(links["plan"] == plan) & (links["how"] != MODELLED)]
        axes.plot(measured["mbps"], measured["median"], "o", color=colour, markersize=4)
    alone = float(rows["median"].to_dict()[BASELINE])
    axes.axhline(alone, color=theme.ink, label="edge alone", linewidth=0.9, linestyle=DOTS)
    axes.set(xscale="log", yscale="log", xlabel="bandwidth, Mb/s", ylabel="seconds")
    axes.set_xlim(mbps[0], mbps[-1])
    axes.legend()
    return figure


def _title(run: LatencyRun) -> str:
    random = " · random weights" if run.config.checkpoint == "random" else ""
    return f"{run.config.model}{random}"
