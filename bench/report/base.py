"""What a figure and a table of the report are, and the registries of both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from framework.errors import PedbenchError, one_line, place_of
from framework.registry import Registry

if TYPE_CHECKING:
    # Or listing parts would wait for matplotlib and pandas.
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from bench.report.data import RunData
    from bench.report.render.style import Theme
    from bench.report.render.table import Column, Table

TOPICS = "bench.report.topics"


class Undecided(PedbenchError):
    """Several settings have the same claim to be the one that a part shows."""


class ReportPart(ABC):
    """What figures and tables have in common.

    Attributes:
        name: of its files; as registered.
        title: one line on what it shows.
        empty: the sentence in its place where a run has nothing to show.
        place: the report shows parts by it, then by name.
    """

    name: str = ""
    title: ClassVar[str]
    empty: ClassVar[str] = "This run measured nothing of the kind."
    place: ClassVar[int] = 100

    def applies(self, run: RunData) -> bool:
        """Whether the run has records to show; asked before anything is made."""
        return True


class ReportFigure(ReportPart):
    """A figure of a run, drawn from its records.

    Attributes:
        caption: what to see and how to read it.
    """

    caption: ClassVar[str]
    shows: object = None
    """All that the figure depends on, where that is less than the whole run."""

    def caption_of(self, run: RunData) -> str:
        """The caption under the figure of one run; `caption` where nothing of it is computed."""
        return self.caption

    @abstractmethod
    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        """The figure, on a `bench.report.render.style.canvas`; ``None`` if nothing is to be shown.

        Args:
            run: the records, and what is derived of them.
            theme: colours to use, and no others.
        """


class ReportTable(ReportPart):
    """A table of a run, built from its records."""

    @abstractmethod
    def build(self, run: RunData) -> Table:
        """The table, best made by `table`; without rows ``empty`` stands in its place."""

    def table(
        self,
        frame: pd.DataFrame,
        columns: Sequence[Column],
        *,
        note: str = "",
        source: str = "",
        fold: str = "",
        head: str = "",
    ) -> Table:
        """A table with this part's name and words; arguments as in `render.table.Table`."""
        # Imported here, or listing parts would wait 0.4 s for pandas.
        from bench.report.render.table import Table

        words = {"name": self.name, "title": self.title, "empty": self.empty}
        return Table(
            **words,
            frame=frame,
            columns=tuple(columns),
            note=note,
            source=source,
            fold=fold,
            head=head,
        )


FIGURES: Registry[type[ReportFigure]] = Registry("figure", TOPICS, "pedbench.figures", ReportFigure)
TABLES: Registry[type[ReportTable]] = Registry("table", TOPICS, "pedbench.tables", ReportTable)


def origin_of(part: ReportPart) -> str:
    """Package and version of an installed part; empty for a built-in one."""
    registry = FIGURES if isinstance(part, ReportFigure) else TABLES
    return str(registry.origins().get(part.name, ""))


def problem_of(part: ReportPart, error: BaseException) -> str:
    """A sentence in place of a part that raised: its name and package, what it raised and where."""
    kind = FIGURES.kind if isinstance(part, ReportFigure) else TABLES.kind
    if isinstance(error, Undecided):
        return f"The {kind} '{part.name}' shows one setting; {error}."
    origin = origin_of(part)
    raised = "" if isinstance(error, PedbenchError) else f"{type(error).__name__}: "
    return (
        f"The {kind} '{part.name}'{f' of {origin}' if origin else ''} failed: "
        f"{raised}{one_line(error)}{place_of(error, type(part))}."
    )
