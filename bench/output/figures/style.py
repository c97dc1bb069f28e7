"""One look for all figures, in a light and a dark form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke

WIDE, NARROW = 7.0, 3.45
"""Widths in inches: a page's text, and one column of two."""

LABEL_SIZE = 6.2
"""Of names within a panel, in points."""


@dataclass(frozen=True)
class Theme:
    """Colours of a figure; the series colours are told apart by the colour-blind too.

    Attributes:
        paper, ink, muted, faint: background, text, secondary text and grid.
        series: of shard counts or policies, in order.
        kinds: of attacks.
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
        "inpainting": "#009e73",
        "inversion": "#0072b2",
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
        "floor": "#9aa4ac",
        "inpainting": "#3ccb9f",
        "inversion": "#56b4e9",
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
        "pdf.fonttype": 42,
    }
    with mpl.rc_context(settings):
        yield


def canvas(width: float, height: float, title: str) -> Figure:
    """An empty figure with its title at the left."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.008, ha="left")
    return figure


def reference_line(axes: Axes, value: float, text: str, colour: str) -> None:
    """A dotted line across the axes with its name above it at the left."""
    axes.axhline(value, color=colour, linewidth=0.9, linestyle=(0, (1, 1.6)), zorder=1)
    axes.annotate(
        text,
        (0.01, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize=LABEL_SIZE,
        color=colour,
    )


def label_points(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    colour: str,
    taken: list[tuple[float, float, float]],
    *,
    left: bool = False,
) -> None:
    """Name points right below them, leaving out those that would lie over a name already there.

    Args:
        taken: start, end and height of the names so far, in points of the page; added to.
        left: put the names left above instead.
    """
    dpi = axes.figure.dpi
    for (x, y), text in zip(points, texts, strict=True):
        across, up = (float(pixel) * 72 / dpi for pixel in axes.transData.transform((x, y)))
        width = LABEL_SIZE * 0.62 * len(text)
        start = across - 3 - width if left else across + 3
        end, up = start + width, up + (7 if left else -7)
        if any(start < e + 3 and end > s - 3 and abs(up - u) < 7.5 for s, e, u in taken):
            continue
        taken.append((start, end, up))
        axes.annotate(
            text,
            (x, y),
            xytext=(-3, 7) if left else (3, -7),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=LABEL_SIZE,
            color=colour,
            path_effects=halo(axes.get_facecolor()),
        )


def halo(paper: Any) -> list[AbstractPathEffect]:
    """An outline in the paper's colour that keeps text readable on lines."""
    return [withStroke(linewidth=1.8, foreground=paper)]


def readable(name: str) -> str:
    """A name of the code as words."""
    return name.replace("_", " ")
