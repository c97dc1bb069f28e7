"""A figure drawn once: as PNG in both themes and as PDF."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from matplotlib.figure import Figure

from bench.cache.fingerprints import content_digest, source_fingerprint
from bench.report.base import Plot
from bench.report.choice import Undecided
from bench.report.data import RunData
from bench.report.render.recolour import recolour
from bench.report.render.style import DARK, DPI, LIGHT, NARROW, Theme, lay_out, set_title, styled
from framework.files.writing import write_file


class Drawing:
    """A plot of a run, drawn and laid out once whatever is made of it.

    Where the run has a store, what was made of the same records before is taken from there.

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
            try:
                figure = draw(self.plot, self.run, LIGHT)
            except Undecided:
                return None
            if figure is not None:
                lay_out(figure)
                figure.set_layout_engine("none")
        return figure

    @property
    def empty(self) -> str:
        """The sentence in the figure's place: that there is nothing, or too much to choose from."""
        try:
            with styled(LIGHT):
                self.plot.draw(self.run, LIGHT)
        except Undecided as error:
            return f"The figure '{self.plot.name}' shows one setting; {error}."
        return self.plot.empty

    @property
    def narrow(self) -> bool:
        """Whether it takes one column of two."""
        return self.light is not None and png_width(self.light) <= NARROW * DPI

    @cached_property
    def light(self) -> bytes | None:
        """As PNG; ``None`` where there is no figure."""
        return self._kept("light", png_of)

    @cached_property
    def dark(self) -> bytes | None:
        """As PNG with the colours of the dark theme."""
        return self._kept("dark", _dark_png_of)

    @cached_property
    def pdf(self) -> bytes | None:
        """As PDF in the light theme."""
        return self._kept("pdf", pdf_of)

    def save(self, folder: Path) -> list[Path]:
        """Write the light PNG and the PDF; their paths, none where there is no figure."""
        if self.light is None or self.pdf is None:
            return []
        forms = {"png": self.light, "pdf": self.pdf}
        return [
            write_file(folder / f"{self.plot.name}.{suffix}", content)
            for suffix, content in forms.items()
        ]

    def _kept(self, part: str, make: Callable[[Figure], bytes]) -> bytes | None:
        store = self.run.store
        key = "" if store is None else content_digest(part, self._origin)
        entry = None if store is None else store.get(key)
        if store is not None and entry is not None:
            if entry["blob"] is None:
                return None
            data = store.blob(entry["blob"])
            if data is not None:
                return bytes(data)
        made = None if self.figure is None else make(self.figure)
        if store is not None:
            store.put(key, {"blob": None if made is None else store.put_blob(made)})
        return made

    @cached_property
    def _origin(self) -> str:
        """A hash over all that it depends on."""
        shown = self.run.digest if self.plot.shows is None else self.plot.shows
        source = source_fingerprint("bench.report")
        return content_digest(self.plot.name, shown, source, version("matplotlib"))


def draw(plot: Plot, run: RunData, theme: Theme) -> Figure | None:
    """Draw a plot within `styled`; the figure says so where the model's weights are random."""
    figure = plot.draw(run, theme)
    if figure is not None and run.random_weights:
        title = " ".join(figure.get_suptitle().split("\n"))
        set_title(figure, f"{title} · random weights")
    return figure


def png_of(figure: Figure) -> bytes:
    """A figure as PNG, on its own paper."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="auto")
    return buffer.getvalue()


def png_width(png: bytes) -> int:
    """Pixels across a PNG: the first number of its header."""
    return int.from_bytes(png[16:20], "big")


def pdf_of(figure: Figure) -> bytes:
    """A figure in the light theme as PDF."""
    buffer = io.BytesIO()
    with styled(LIGHT):
        figure.savefig(buffer, format="pdf", dpi=DPI)
    return buffer.getvalue()


def _dark_png_of(figure: Figure) -> bytes:
    recolour(figure, LIGHT, DARK)
    picture = png_of(figure)
    recolour(figure, DARK, LIGHT)
    return picture
