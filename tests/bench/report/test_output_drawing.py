"""A figure in both themes from one drawing."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image as Pillow

from bench.cache.store import Store
from bench.report.render.drawing import Drawing
from bench.report.render.recolour import recolour
from bench.report.render.style import DARK, LIGHT, canvas, halo, styled
from bench.report.topics.leakage.attacks import ATTACKS_PLOT
from tests.bench.output_support import full_run


def _corner(png: bytes | None) -> tuple[float, ...]:
    assert png is not None
    with Pillow.open(io.BytesIO(png)) as picture:
        return tuple(value / 255 for value in picture.convert("RGB").getpixel((2, 2)))


def test_dark_picture_comes_from_the_light_drawing(tmp_path: Path) -> None:
    calls = []
    counted = ATTACKS_PLOT.draw

    def draw(*arguments):
        calls.append(1)
        return counted(*arguments)

    plot = type(ATTACKS_PLOT)("attacks", "", draw, "")
    drawing = Drawing(plot, full_run(tmp_path))
    paths = drawing.save(tmp_path / "figures")
    assert [path.suffix for path in paths] == [".png", ".pdf"]
    assert np.allclose(_corner(drawing.light), to_rgb(LIGHT.paper), atol=0.01)
    assert np.allclose(_corner(drawing.dark), to_rgb(DARK.paper), atol=0.01)
    assert calls == [1]


def test_a_figure_of_the_same_records_is_not_drawn_again(tmp_path: Path) -> None:
    run = dataclasses.replace(full_run(tmp_path), store=Store(tmp_path / "store", 10**8))
    calls = []

    def draw(*arguments):
        calls.append(1)
        return ATTACKS_PLOT.draw(*arguments)

    plot = dataclasses.replace(ATTACKS_PLOT, draw=draw)
    first = Drawing(plot, run)
    made = first.light, first.dark, first.pdf, first.narrow
    shuffled = dataclasses.replace(run, records=run.records.sample(frac=1, random_state=0))
    again = Drawing(plot, shuffled)
    assert (again.light, again.dark, again.pdf, again.narrow) == made
    assert calls == [1]
    changed = run.records.assign(value=run.records["value"] * 0.9)
    other = Drawing(plot, dataclasses.replace(run, records=changed))
    assert other.light != made[0]
    assert calls == [1, 1]


def test_that_there_is_no_figure_is_kept_too(tmp_path: Path) -> None:
    run = dataclasses.replace(full_run(tmp_path), store=Store(tmp_path / "store", 10**8))
    calls = []
    plot = dataclasses.replace(ATTACKS_PLOT, draw=lambda *_: calls.append(1))
    for _ in range(2):
        drawing = Drawing(plot, run)
        assert drawing.save(tmp_path / "figures") == []
        assert not drawing.narrow
    assert calls == [1]


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
