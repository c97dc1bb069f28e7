"""A figure drawn once: as PNG in both themes and as PDF."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from matplotlib.figure import Figure

from bench.cache.fingerprints import content_digest, source_fingerprint
from bench.report.base import ReportFigure, Undecided, problem_of
from bench.report.data import RunData
from bench.report.render.page import few_colours
from bench.report.render.recolour import recolour
from bench.report.render.style import DARK, DPI, LIGHT, NARROW, Theme, lay_out, set_title, styled
from framework.errors import FAULTS
from framework.files.writing import write_file
from framework.warn import warn_once


class Drawing:
    """A plot of a run, drawn and laid out once whatever is made of it.

    Where the run has a store, what was made of the same records before is taken from there.

    Args:
        plot: what to draw.
        run: its records.

    Attributes:
        empty: the sentence in the figure's place where there is none.
        failed: whether that is because it could not be drawn.
    """

    def __init__(self, plot: ReportFigure, run: RunData) -> None:
        self.plot = plot
        self.run = run
        self.empty = plot.empty
        self.failed = False

    @cached_property
    def figure(self) -> Figure | None:
        """In the light theme, laid out; ``None`` where the run has nothing to show."""
        try:
            with styled(LIGHT):
                figure = draw(self.plot, self.run, LIGHT)
                if figure is not None:
                    lay_out(figure)
                    figure.set_layout_engine(None)  # a placeholder would draw twice when saving
        except FAULTS as error:
            self._fail(error)
            return None
        return figure

    def _fail(self, error: BaseException) -> None:
        """Let what the figure raised stand in its place."""
        self.empty, self.failed = problem_of(self.plot, error), True
        if not isinstance(error, Undecided):
            warn_once(self.empty)

    @property
    def caption(self) -> str:
        """What to see, and how to read it."""
        return self.plot.caption_of(self.run)

    @property
    def narrow(self) -> bool:
        """Whether it takes one column of two."""
        return self.light is not None and png_width(self.light) <= NARROW * DPI

    @cached_property
    def light(self) -> bytes | None:
        """As PNG; ``None`` where there is no figure."""
        return self._kept("light", lambda: self._made(png_of))

    @cached_property
    def dark(self) -> bytes | None:
        """As PNG with the colours of the dark theme."""
        return self._kept("dark", lambda: self._made(dark_png_of))

    @cached_property
    def light_on_page(self) -> bytes | None:
        """The light PNG as reports carry it."""
        return self._kept("light on page", lambda: self.light and few_colours(self.light))

    @cached_property
    def dark_on_page(self) -> bytes | None:
        """The dark PNG as reports carry it."""
        return self._kept("dark on page", lambda: self.dark and few_colours(self.dark))

    @cached_property
    def pdf(self) -> bytes | None:
        """As PDF in the light theme."""
        return self._kept("pdf", lambda: self._made(pdf_of))

    def save(self, folder: Path) -> list[Path]:
        """Write the light PNG and the PDF; their paths, none where there is no figure."""
        if self.light is None or self.pdf is None:
            return []
        forms = {"png": self.light, "pdf": self.pdf}
        return [
            write_file(folder / f"{self.plot.name}.{suffix}", content)
            for suffix, content in forms.items()
        ]

    def _made(self, make: Callable[[Figure], bytes]) -> bytes | None:
        if self.figure is None:
            return None
        try:
            return make(self.figure)
        except FAULTS as error:
            self._fail(error)
            return None

    def _kept(self, part: str, make: Callable[[], bytes | None]) -> bytes | None:
        """What ``make`` makes of the figure, or that there is none, from the store if it has it."""
        store = self.run.store
        if store is None:
            return make()
        key = content_digest(part, self._depends)
        entry = store.get(key)
        if entry is not None:
            data = None if entry["blob"] is None else store.blob(entry["blob"])
            if data is not None or entry["blob"] is None:
                return None if data is None else bytes(data)
        made = make()
        if not self.failed:
            store.put(key, {"blob": None if made is None else store.put_blob(made)})
        return made

    @cached_property
    def _depends(self) -> str:
        """A hash over all that it depends on."""
        shown = self.run.digest if self.plot.shows is None else self.plot.shows
        sources = [
            source_fingerprint(name) for name in ("bench.report", type(self.plot).__module__)
        ]
        return content_digest(self.plot.name, shown, *sources, version("matplotlib"))


def draw(plot: ReportFigure, run: RunData, theme: Theme) -> Figure | None:
    """Draw a figure within `styled`; it says so where the model's weights are random."""
    figure = plot.draw(run, theme) if plot.applies(run) else None
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


def dark_png_of(figure: Figure) -> bytes:
    """A figure of the light theme as PNG with the colours of the dark one."""
    recolour(figure, LIGHT, DARK)
    picture = png_of(figure)
    recolour(figure, DARK, LIGHT)
    return picture
