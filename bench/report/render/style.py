"""One look for all figures, in a light and a dark form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FixedLocator

DPI = 200
"""Of figures, laid out and saved: what fits at one resolution may not at another."""
WIDE, NARROW = 7.0, 3.45
"""Widths in inches: a page's text, and one column of two."""

TITLE_LETTERS, TITLE_LINE = 12.0, 0.15
"""Letters of a title to an inch, and the height in inches of a line of it."""
MOST_PASSES = 5

PDF_FONTS = 42
"""TrueType, as journals ask for."""

LABEL_SIZE = 6.2
"""Of names within a panel, in points."""

DOTTED = (0, (1, 1.6))
"""The line of floors, ceilings and chance."""


@dataclass(frozen=True)
class Theme:
    """Colours of a figure; the series colours are told apart by the colour-blind too.

    Attributes:
        paper, ink, muted, faint: background, text, secondary text and grid.
        series: of shard counts or policies, in order.
        kinds: of families of attacks (`bench.report.aggregate.families`), and of the worst case,
            ``oracle``.
    """

    name: str
    paper: str
    ink: str
    muted: str
    faint: str
    series: tuple[str, ...]
    kinds: dict[str, str] = field(default_factory=dict)


LIGHT = Theme(
    "light",
    paper="#ffffff",
    ink="#1d2327",
    muted="#667079",
    faint="#e3e6e8",
    series=("#0072b2", "#d55e00", "#009e73", "#8e5ba6", "#b08900"),
    kinds={
        "floor": "#8a9299",
        "best floor": "#8a9299",
        "classic inpainting": "#009e73",
        "learned inpainting": "#8e5ba6",
        "inversion of windows": "#0072b2",
        "whole-picture decoder": "#b08900",
        "oracle": "#d55e00",
        "ceiling": "#1d2327",
    },
)
DARK = Theme(
    "dark",
    paper="#171b1f",
    ink="#e6e9eb",
    muted="#9aa4ac",
    faint="#30363b",
    series=("#56b4e9", "#f08a4b", "#3ccb9f", "#c99ae0", "#e6c84f"),
    kinds={
        "floor": "#99a3ab",
        "best floor": "#99a3ab",
        "classic inpainting": "#3ccb9f",
        "learned inpainting": "#c99ae0",
        "inversion of windows": "#56b4e9",
        "whole-picture decoder": "#e6c84f",
        "oracle": "#f08a4b",
        "ceiling": "#e6e9eb",
    },
)


@contextmanager
def styled(theme: Theme) -> Iterator[None]:
    """Draw with the theme's settings."""
    settings: dict[Any, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 7.5,
        "axes.titlesize": 8,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 7.5,
        "axes.labelcolor": theme.ink,
        "axes.titlecolor": theme.ink,
        "axes.edgecolor": theme.muted,
        "axes.facecolor": theme.paper,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": theme.faint,
        "grid.linewidth": 0.6,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.labelcolor": theme.ink,
        "ytick.labelcolor": theme.ink,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "text.color": theme.ink,
        "legend.frameon": False,
        "legend.fontsize": 7,
        "legend.handlelength": 1.8,
        "lines.linewidth": 1.4,
        "lines.markersize": 4,
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "figure.titlesize": 9,
        "figure.titleweight": "bold",
        "pdf.fonttype": PDF_FONTS,
    }
    with mpl.rc_context(settings):
        yield


def canvas(width: float, height: float, title: str) -> Figure:
    """An empty figure with its title at the left, in as many lines as it needs."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    set_title(figure, title)
    return figure


def set_title(figure: Figure, title: str) -> None:
    """Put a title at the left of a figure, which grows by the lines beyond the first."""
    before = figure.get_suptitle().count("\n")
    lines = wrap(title, int(TITLE_LETTERS * figure.get_figwidth()))
    figure.suptitle("\n".join(lines), x=0.008, ha="left")
    figure.set_figheight(figure.get_figheight() + TITLE_LINE * (len(lines) - 1 - before))


def lay_out(figure: Figure) -> None:
    """Lay a figure out until all its text lies inside: ticks follow sizes, and sizes ticks.

    The ticks then stay as they are, so that a file of another resolution has the same ones.
    """
    for _ in range(MOST_PASSES):
        figure.draw_without_rendering()
        if not cut_texts(figure):
            break
    for axes in figure.axes:
        for axis in axes.get_children():
            if isinstance(axis, Axis):
                _keep_ticks(axis)


def _keep_ticks(axis: Axis) -> None:
    low, high = sorted(axis.get_view_interval())
    places = [place for place in axis.get_majorticklocs() if low <= place <= high]
    labels = axis.get_major_formatter().format_ticks(places)
    if not axis.get_major_formatter().get_offset():
        axis.set_major_locator(FixedLocator(places))
        axis.set_major_formatter(FixedFormatter(labels))


def cut_texts(figure: Figure) -> list[str]:
    """Texts that stick out of a figure as it is laid out."""
    return [text.get_text() for text in shown_texts(figure) if _sticks_out(text, figure)]


def shown_texts(figure: Figure) -> list[Text]:
    """Every text that a figure shows, tick labels within their axis among them."""
    hidden: set[Artist] = set()
    for axes in figure.axes:
        if not axes.get_visible():
            hidden.update(axes.findobj(Text))
        for axis in axes.get_children():
            if isinstance(axis, Axis):
                hidden.update(_unused_labels(axis, shown=axes.axison))
    texts = [artist for artist in figure.findobj(Text) if isinstance(artist, Text)]
    return [
        text
        for text in texts
        if text.get_visible() and text.get_text().strip() and text not in hidden
    ]


def _unused_labels(axis: Axis, shown: bool) -> Iterator[Artist]:
    """Labels of ticks beyond an axis's limits, which are there but not drawn."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-6 * (high - low)
    for minor in (False, True):
        for tick in axis.get_minor_ticks() if minor else axis.get_major_ticks():
            if not shown or not low - slack <= tick.get_loc() <= high + slack:
                yield from (tick.label1, tick.label2)


def legend_below(
    figure: Figure, handles: Sequence[Artist], labels: Sequence[str], columns: int = 6
) -> None:
    """A legend under the panels, in as many columns as the figure's width has room for."""
    for count in range(min(columns, len(handles)), 0, -1):
        legend = figure.legend(
            handles=handles, labels=labels, loc="outside lower center", ncols=count
        )
        if count == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def reference_line(
    axes: Axes, value: float, text: str, colour: str, side: Literal["left", "right"] = "left"
) -> None:
    """A dotted line across the axes with its name above it at one side."""
    axes.axhline(value, color=colour, linewidth=0.9, linestyle=DOTTED, zorder=1)
    axes.annotate(
        text,
        (0.01 if side == "left" else 0.99, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        ha=side,
        va="bottom",
        fontsize=LABEL_SIZE,
        color=colour,
    )


def halo(paper: Any) -> list[AbstractPathEffect]:
    """An outline in the paper's colour that keeps text readable on lines."""
    return [withStroke(linewidth=1.8, foreground=paper)]


def _sticks_out(text: Text, figure: Figure) -> bool:
    box, paper = text.get_window_extent(), figure.bbox
    slack = 0.5
    inside = box.x0 >= paper.x0 - slack and box.x1 <= paper.x1 + slack
    return not (inside and box.y0 >= paper.y0 - slack and box.y1 <= paper.y1 + slack)
