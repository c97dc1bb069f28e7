"""What a figure is: a name, a caption and a way to draw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from bench.report.data import RunData
from bench.report.render.style import Theme


@dataclass(frozen=True)
class Plot:
    """A figure of a run.

    Attributes:
        name: of its files.
        caption: what to see and how to read it.
        draw: makes the figure; ``None`` where the run has nothing to show.
        empty: the sentence that stands in its place then.
        shows: all that the figure depends on, if that is less than the whole run.
    """

    name: str
    caption: str
    draw: Callable[[RunData, Theme], Figure | None]
    empty: str
    shows: object = None
