"""A figure in both themes from one drawing."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image as Pillow

from bench.cache.store import Store
from bench.report.base import ReportFigure, Undecided
from bench.report.data import RunData
from bench.report.render.drawing import Drawing, pdf_of
from bench.report.render.recolour import recolour
from bench.report.render.style import DARK, LIGHT, PDF_FONTS, Theme, canvas, halo, styled
from bench.report.write import write_figures
from framework.errors import PedbenchError


class Counted(ReportFigure):
    """The mean of all values; counts how often it is drawn."""

    name = "counted"
    title = caption = "for this test"

    def __init__(self, error: Exception | None = None, nothing: bool = False) -> None:
        self.calls = 0
        self.error, self.nothing = error, nothing

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        self.calls += 1
        if self.error is not None:
            raise self.error
        if self.nothing:
            return None
        figure = canvas(2, 1, "mean")
        figure.subplots().barh([0], [run.records["value"].mean()], color=theme.series[0])
        return figure


@pytest.fixture
def stored(full: RunData, tmp_path: Path) -> RunData:
    """The run with a store of drawn figures."""
    return dataclasses.replace(full, store=Store(tmp_path / "store", 10**8))


def _corner(png: bytes | None) -> tuple[float, ...]:
    assert png is not None
    with Pillow.open(io.BytesIO(png)) as picture:
        top_right = picture.convert("RGB").getpixel((picture.width - 1, 0))
    return tuple(value / 255 for value in top_right)


def test_dark_picture_comes_from_the_light_drawing(full: RunData, tmp_path: Path) -> None:
    plot = Counted()
    drawing = Drawing(plot, full)
    paths = drawing.save(tmp_path / "figures")
    assert [path.suffix for path in paths] == [".png", ".pdf"]
    assert np.allclose(_corner(drawing.light), to_rgb(LIGHT.paper), atol=0.01)
    assert np.allclose(_corner(drawing.dark), to_rgb(DARK.paper), atol=0.01)
    assert plot.calls == 1


@pytest.mark.slow
def test_a_figure_of_the_same_records_is_not_drawn_again(stored: RunData) -> None:
    plot = Counted()
    first = Drawing(plot, stored)
    made = first.light, first.dark, first.pdf, first.narrow
    shuffled = dataclasses.replace(stored, records=stored.records.sample(frac=1, random_state=0))
    again = Drawing(plot, shuffled)
    assert (again.light, again.dark, again.pdf, again.narrow) == made
    assert plot.calls == 1
    changed = stored.records.assign(value=stored.records["value"] * 0.5)
    other = Drawing(plot, dataclasses.replace(stored, records=changed))
    assert other.light != made[0]
    assert plot.calls == 2


def test_that_there_is_no_figure_is_kept_too(stored: RunData, tmp_path: Path) -> None:
    plot = Counted(nothing=True)
    for _ in range(2):
        drawing = Drawing(plot, stored)
        assert drawing.save(tmp_path / "figures") == []
        assert not drawing.narrow
        assert drawing.empty == plot.empty
    assert plot.calls == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no such thing"), "ValueError: no such thing (report/test_drawing.py, line"),
        (PedbenchError("mend it"), "The figure 'counted' failed: mend it."),
        (Undecided("two come first"), "The figure 'counted' shows one setting; two come first."),
    ],
)
def test_a_figure_that_raises_is_a_sentence_each_time(
    stored: RunData, error: Exception, said: str
) -> None:
    plot = Counted(error)
    for _ in range(2):
        drawing = Drawing(plot, stored)
        assert drawing.light is None
        assert said in drawing.empty
    assert plot.calls == 2


def test_a_figure_that_cannot_be_saved_is_a_sentence(
    full: RunData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = Drawing(Counted(), full)
    assert drawing.figure is not None
    monkeypatch.setattr(drawing.figure, "savefig", lambda *_, **__: 1 / 0)
    assert drawing.save(tmp_path / "figures") == []
    assert "The figure 'counted' failed: ZeroDivisionError" in drawing.empty


def test_figures_need_records(tmp_path: Path) -> None:
    with pytest.raises(PedbenchError, match=r"records\.parquet"):
        write_figures(tmp_path)


def test_every_colour_of_a_theme_is_exchanged_and_back() -> None:
    with styled(LIGHT):
        figure = canvas(3, 2, "title")
        axes = figure.subplots()
        axes.errorbar([1, 2], [1, 2], [0.1, 0.1], color=LIGHT.series[1], marker="o")
        axes.fill_between([1, 2], [1, 2], color=LIGHT.series[0], alpha=0.1)
        axes.plot([1], [1], "s", markerfacecolor="none", markeredgecolor=LIGHT.muted)
        note = axes.annotate("here", (1, 1), path_effects=halo(LIGHT.paper))
        figure.draw_without_rendering()
    recolour(figure, LIGHT, DARK)
    assert np.allclose(to_rgb(figure.get_facecolor()), to_rgb(DARK.paper))
    assert np.allclose(to_rgb(note.get_color()), to_rgb(DARK.ink))
    assert np.allclose(to_rgb(axes.lines[0].get_color()), to_rgb(DARK.series[1]))
    assert axes.collections[-1].get_facecolor()[0][3] == 0.1
    assert axes.lines[-1].get_markerfacecolor() == "none"
    recolour(figure, DARK, LIGHT)
    assert np.allclose(to_rgb(axes.lines[0].get_color()), to_rgb(LIGHT.series[1]))


def test_fonts_of_a_pdf_are_those_that_journals_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.report.render.style.PDF_FONTS", PDF_FONTS)
    pdf = pdf_of(canvas(2, 1, "a title"))
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
