"""Bytes per image by plan and payload."""

from __future__ import annotations

from matplotlib.figure import Figure

from bench.report.base import Plot
from bench.report.data import RunData
from bench.report.render.style import NARROW, Theme, canvas
from bench.report.topics.utility.traffic import traffic_summary
from bench.report.words import readable


def draw_traffic(run: RunData, theme: Theme) -> Figure | None:
    """Megabytes up and down for one image, with the number of round trips."""
    rows = traffic_summary(run)
    if rows.empty:
        return None
    figure = canvas(NARROW, 0.9 + 0.22 * len(rows), "What travels for one image")
    axes = figure.subplots()
    places = list(range(len(rows)))
    up, down = rows["megabytes_up"], rows["megabytes_down"]
    axes.barh(places, up, color=theme.series[0], height=0.62, label="up")
    axes.barh(places, down, left=up, color=theme.series[0], alpha=0.45, height=0.62, label="down")
    for place, (_, row) in zip(places, rows.iterrows(), strict=True):
        count = int(row["rounds"])
        text = f" {row['megabytes']:.3g} MB, {count} round{'' if count == 1 else 's'}"
        axes.text(row["megabytes"], place, text, va="center", fontsize=6.5, color=theme.muted)
    names = [readable(name) for name in rows["what"]]
    axes.set_yticks(places, names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, float(rows["megabytes"].max()) * 1.6 or 1)
    axes.set_xlabel("MB per image (10⁶ bytes)")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="lower right")
    return figure


TRAFFIC = Plot(
    "traffic",
    "Payload that really crossed the transport, without framing. Valid tokens only; up: edge to "
    "shards, down: back.",
    draw_traffic,
    "This run counted no bytes.",
)
