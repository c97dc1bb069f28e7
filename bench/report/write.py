"""The files of a run: tables, figures and the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.cache.store import Store
from bench.report.base import TABLES
from bench.report.contents import drawings_of, tables_of
from bench.report.data import RunData
from bench.report.kept import kept
from bench.report.pictures.figure import strip_figures
from bench.report.render.drawing import Drawing
from bench.report.render.html import render
from bench.report.render.table import forms_of
from bench.runner.phases import phase
from framework.files.writing import write_file

Step = Callable[[str], object]
"""Is told what is written next, e.g. ``figure 3 of 20``."""


def quiet(name: str) -> None:
    """A `Step` that tells nobody."""


def write_all(folder: Path, store: Store | None = None, step: Step = quiet) -> list[Path]:
    """Write the tables, figures and report of a run folder; the paths of what was written.

    Args:
        store: where figures are kept that were drawn of the same records before.
        step: told of each part.

    Raises:
        PedbenchError: the folder holds no records, or they are damaged.
    """
    return write_run(RunData.read(folder, store), step)


def write_run(run: RunData, step: Step = quiet) -> list[Path]:
    """`write_all` of a run already read."""
    with phase("tables"):
        tables = _save_tables(run, step)
    with phase("figures"):
        figures = _save_figures(run, step)
    with phase("report"):
        return [*tables, *figures, _save_report(run, step)]


def write_tables(folder: Path, step: Step = quiet) -> list[Path]:
    """Write ``tables/*.{csv,md,tex}`` of a run folder; the paths of what was written."""
    return _save_tables(RunData.read(folder), step)


def write_figures(folder: Path, step: Step = quiet) -> list[Path]:
    """Write ``figures/*.{png,pdf}`` of a run folder; the paths of what was written.

    Figures for which the run has no records are left out; the report says which.
    """
    return _save_figures(RunData.read(folder), step)


def write_report(folder: Path, step: Step = quiet) -> Path:
    """Write ``report.html`` of a run folder; its path.

    The file holds its pictures, styles and script; it asks for nothing from elsewhere.

    Raises:
        PedbenchError: the folder holds no records, or they are damaged.
    """
    return _save_report(RunData.read(folder), step)


def _save_tables(run: RunData, step: Step) -> list[Path]:
    step("tables")
    folder = run.folder / "tables"
    forms = kept(run, "tables", lambda: _forms(run))
    return [write_file(folder / name, text) for name, text in forms.items()]


def _forms(run: RunData) -> tuple[dict[str, str], bool]:
    """The files of all tables, and whether the same records would give them again."""
    tables = tables_of(run)
    found = [table for table in tables if not table.problem]
    lasting = len(found) == len(tables) and not TABLES.problems()
    return {name: text for table in found for name, text in forms_of(table).items()}, lasting


def _save_figures(run: RunData, step: Step) -> list[Path]:
    step("figures")
    drawn = [*drawings_of(run), *(Drawing(strip, run) for strip in strip_figures(run))]
    paths = []
    for number, drawing in enumerate(drawn, 1):
        step(f"figure {number} of {len(drawn)}")
        paths += drawing.save(run.folder / "figures")
    return paths


def _save_report(run: RunData, step: Step) -> Path:
    step("report")
    return write_file(run.folder / "report.html", render(run))
