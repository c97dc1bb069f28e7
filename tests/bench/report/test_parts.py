"""Figures and tables of other packages in the report."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.contents import tables_of
from bench.report.data import RunData
from bench.report.render.html import render
from bench.report.render.style import NARROW, Theme, canvas
from bench.report.render.table import Column, Table
from bench.report.write import write_run
from framework.registry import Origin
from tests.bench.output_support import segmentation
from tests.bench.output_support import write_run as small_run


class Count(ReportTable):
    """Records by status."""

    title = "Records by status"

    def build(self, run: RunData) -> Table:
        frame = run.records.groupby("status").size().rename("records").reset_index()
        return self.table(frame, [Column("status", "Status"), Column("records", "Records", 0)])


class Bars(ReportFigure):
    """One bar."""

    title = "One bar"
    caption = "A bar of another package."

    def draw(self, run: RunData, theme: Theme) -> Figure:
        figure = canvas(NARROW, 1.5, self.title)
        figure.subplots().bar([0], [len(run.records)], color=theme.series[0])
        return figure


class Broken(Count):
    """A table that raises."""

    def build(self, run: RunData) -> Table:
        raise KeyError("status")


class Unwritable(Count):
    """A table whose text is said to be a number."""

    def build(self, run: RunData) -> Table:
        return self.table(pd.DataFrame({"a": ["text"]}), [Column("a", "A", 2)])


class BrokenBars(Bars):
    """A figure that raises."""

    def draw(self, run: RunData, theme: Theme) -> Figure:
        return canvas(NARROW, 1.5, self.missing)


class Elsewhere(Bars):
    """A figure of other runs."""

    empty = "This run has no clouds."

    def applies(self, run: RunData) -> bool:
        return False


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunData]:
    """A run of one photo, written with six parts of another package installed."""
    parts = {"count": Count, "broken": Broken, "unwritable": Unwritable}
    figures = {"bars": Bars, "broken_bars": BrokenBars, "elsewhere": Elsewhere}
    with pytest.MonkeyPatch.context() as patch:
        for registry, added in ((TABLES, parts), (FIGURES, figures)):
            registry.names()
            for name, part in added.items():
                patch.setattr(part, "name", name)
                patch.setitem(registry._parts, name, part)
                patch.setitem(registry._origins, name, Origin("pedbench-clouds", "2.1"))
        rows = segmentation("a", {"miou_box": 0.5, "miou_fill": 0.4})
        run = small_run(tmp_path_factory.mktemp("parts"), rows)
        write_run(run)
        yield run


def files(run: RunData) -> set[str]:
    return {
        path.name for folder in ("tables", "figures") for path in (run.folder / folder).iterdir()
    }


@pytest.mark.slow
def test_parts_of_another_package_are_written_and_shown_with_their_origin(run: RunData) -> None:
    assert {"count.csv", "count.md", "count.tex", "bars.png", "bars.pdf"} <= files(run)
    assert (run.folder / "tables" / "count.csv").read_text() == "status,records\nok,2\n"
    assert "From pedbench-clouds@2.1." in (run.folder / "tables" / "count.md").read_text()
    html = (run.folder / "report.html").read_text()
    assert "<span>count, from pedbench-clouds@2.1</span>" in html
    assert "A bar of another package. From pedbench-clouds@2.1." in html


def test_a_part_that_raises_is_a_line_with_its_place_and_has_no_files(run: RunData) -> None:
    names = {name.partition(".")[0] for name in files(run)}
    assert not {"broken", "unwritable", "broken_bars", "elsewhere"} & names
    html = (run.folder / "report.html").read_text()
    for line in (
        "The table &#39;broken&#39; of pedbench-clouds@2.1 failed: KeyError",
        "The table &#39;unwritable&#39; of pedbench-clouds@2.1 failed: ValueError",
        "The figure &#39;broken_bars&#39; of pedbench-clouds@2.1 failed: AttributeError",
        "(report/test_parts.py, line ",
        "This run has no clouds.",
    ):
        assert line in html


def test_a_registered_part_that_cannot_be_loaded_is_a_line(
    run: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FIGURES._broken, "rain", "the figure 'rain' cannot be loaded: mend it")
    assert "Not shown: the figure &#39;rain&#39; cannot be loaded: mend it." in render(run)


def test_built_in_tables_come_first_and_failures_last(run: RunData) -> None:
    names = [table.name for table in tables_of(run)]
    assert names[:2] == ["segmentation", "privacy_utility"]
    assert names[-4:] == ["broken", "count", "unwritable", "failures"]
