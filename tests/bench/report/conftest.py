"""Two small runs, each drawn once for all tests of the report, as coarse pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bench.report.contents import drawings_of
from bench.report.data import RunData
from bench.report.pictures.figure import strip_figures
from bench.report.render.drawing import Drawing
from bench.report.render.style import cut_texts
from bench.report.write import write_run
from tests.bench.output_support import full_run
from tests.bench.suite_support import suite_run

COARSE = 40
"""Pixels an inch of saved pictures; figures are still laid out at their own resolution."""


@pytest.fixture(scope="session", autouse=True)
def _coarse() -> Iterator[None]:
    """Few pixels, and fonts whose glyphs need no cutting out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.report.render.drawing.DPI", COARSE)
        patch.setattr("bench.report.render.style.PDF_FONTS", 3)
        yield


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    """Every figure but those of the suite."""
    return full_run(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    """Three photos, two attacker seeds, all groups of the attack suite."""
    return suite_run(tmp_path_factory.mktemp("suite"))


@pytest.fixture(scope="session")
def cut() -> dict[Path, list[str]]:
    """Texts that stick out of the figures of each run, measured before saving moves them."""
    return {}


@pytest.fixture(scope="session")
def full_drawings(full: RunData, cut: dict[Path, list[str]]) -> dict[str, Drawing]:
    """Its figures and strips by name, laid out."""
    strips = [Drawing(strip, full) for strip in strip_figures(full)]
    return _laid_out([*drawings_of(full), *strips], cut)


@pytest.fixture(scope="session")
def suite_drawings(suite: RunData, cut: dict[Path, list[str]]) -> dict[str, Drawing]:
    """The figures of the suite by name, laid out."""
    return _laid_out(drawings_of(suite), cut)


@pytest.fixture(scope="session")
def written(full: RunData, full_drawings: dict[str, Drawing]) -> list[Path]:
    """Everything that is written for a complete run."""
    return write_run(full)


@pytest.fixture(scope="session")
def suite_figures(suite_drawings: dict[str, Drawing]) -> dict[str, Figure]:
    """The figures of the suite that there are."""
    found = {name: drawing.figure for name, drawing in suite_drawings.items()}
    return {name: figure for name, figure in found.items() if figure is not None}


def _laid_out(drawings: Iterable[Drawing], cut: dict[Path, list[str]]) -> dict[str, Drawing]:
    named = {drawing.plot.name: drawing for drawing in drawings}
    for name, drawing in named.items():
        if drawing.figure is not None:
            cut[drawing.run.folder / name] = cut_texts(drawing.figure)
    return named
