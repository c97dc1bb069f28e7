"""A figure drawn once: as PNG in both themes and as PDF."""

from __future__ import annotations

import io
from functools import cached_property
from pathlib import Path

from matplotlib.figure import Figure

from bench.output.figures.plot import Plot
from bench.output.figures.recolour import recolour
from bench.output.figures.style import DARK, LIGHT, NARROW, Theme, styled
from bench.output.rundata import RunData

DPI = 200


class Drawing:
    """A plot of a run, drawn and laid out once whatever is made of it.

    Args:
        plot: what to draw.
        run: its records.
    """

    def __init__(self, plot: Plot, run: RunData) -> None:
        self.plot = plot
        self.run = run

    @cached_property
    def figure(self) -> Figure | None:
        """In the light theme, laid out; ``None`` where the run has nothing to show."""
        with styled(LIGHT):
            figure = draw(self.plot, self.run, LIGHT)
            if figure is not None:
                figure.draw_without_rendering()
                figure.set_layout_engine("none")
        return figure

    @property
    def narrow(self) -> bool:
        """Whether it takes one column of two."""
        return self.figure is not None and self.figure.get_figwidth() <= NARROW

    @cached_property
    def light(self) -> bytes | None:
        """As PNG; ``None`` where there is no figure."""
        return self._png()

    @cached_property
    def dark(self) -> bytes | None:
        """As PNG with the colours of the dark theme."""
        if self.figure is None:
            return None
        recolour(self.figure, LIGHT, DARK)
        picture = self._png()
        recolour(self.figure, DARK, LIGHT)
        return picture

    def save(self, folder: Path) -> list[Path]:
        """Write the light PNG and the PDF; their paths, none where there is no figure."""
        if self.figure is None or self.light is None:
            return []
        folder.mkdir(parents=True, exist_ok=True)
        png, pdf = (folder / f"{self.plot.name}.{suffix}" for suffix in ("png", "pdf"))
        png.write_bytes(self.light)
        with styled(LIGHT):
            self.figure.savefig(pdf, dpi=DPI)
        return [png, pdf]

    def _png(self) -> bytes | None:
        return None if self.figure is None else png_of(self.figure)


def draw(plot: Plot, run: RunData, theme: Theme) -> Figure | None:
    """Draw a plot within `styled`; the figure says so where the model's weights are random."""
    figure = plot.draw(run, theme)
    if figure is not None and run.random_weights:
        figure.suptitle(f"{figure.get_suptitle()} · random weights", x=0.008, ha="left")
    return figure


def png_of(figure: Figure) -> bytes:
    """A figure as PNG, on its own paper."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="auto")
    return buffer.getvalue()
