"""A table of a page: it unfolds, sorts and filters, and gives the command behind each row."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Protocol

import pandas as pd
from markupsafe import Markup

from bench.report.render.page import page_template
from bench.report.render.table import Column, Row, Table, rows_of
from bench.runner.folder.records import FAILED

MOST_ROWS = 2000
LONG_CELL = 60
MOST = 1e300
"""Infinity in the browser, which sorts finite numbers alone."""
WAYS = {
    "higher is better for the user": "↑ better",
    "lower is better for the user": "↓ better",
    "higher is worse for privacy": "↑ leaks more",
    "lower is worse for privacy": "↓ leaks more",
}


class RowCommands(Protocol):
    """Commands of the rows of one run's tables.

    Attributes:
        start, end: what all commands have before and after the settings of their row.
    """

    start: str
    end: str

    def only(self, row: Row) -> str:
        """The settings of a row as values of ``--only``; empty where the whole run is meant."""


@dataclass(frozen=True)
class _Cell:
    """Text with bounds, and the number that its column is sorted by; ``None`` sorts by text."""

    text: str
    bounds: str
    order: str | None
    numeric: bool
    long: bool


@dataclass(frozen=True)
class _Row:
    """Cells of a row, its settings for `RowCommands`, and whether a part of it failed."""

    cells: list[_Cell]
    only: str
    failed: bool


@dataclass(frozen=True)
class _Part:
    """Rows of a table: all of them, those that head it, or those folded away under a label."""

    label: str
    rows: list[_Row]
    left_out: int


def html_table(table: Table, is_open: bool, commands: RowCommands | None = None) -> Markup:
    """A table that unfolds, with what it folds away by itself in further ones.

    Args:
        commands: give each row the command that measures it again; no row has one without.
    """
    parts = _parts(table, commands)
    return Markup(
        page_template("table.html.j2").render(
            table=table, parts=parts, ways=WAYS, open=is_open, commands=commands is not None
        )
    )


def _parts(table: Table, commands: RowCommands | None) -> list[_Part]:
    frame = table.frame
    if not table.fold or frame.empty:
        return [_part(table, "", frame, commands)]
    folds = frame.groupby(table.fold, sort=False)
    heads = [_part(table, "", frame[frame[table.head]], commands)]
    return heads + [_part(table, str(label), rows, commands) for label, rows in folds]


def _part(table: Table, label: str, frame: pd.DataFrame, commands: RowCommands | None) -> _Part:
    shown = frame.head(MOST_ROWS)
    rows = [
        _Row(
            [_cell(column, row) for column in table.shown],
            commands.only(row) if commands else "",
            _failed(row),
        )
        for row in rows_of(shown)
    ]
    return _Part(label, rows, len(frame) - len(shown))


def _failed(row: Row) -> bool:
    return row.get("status") == FAILED or bool(row.get("failed", 0))


def _cell(column: Column, row: Row) -> _Cell:
    text, _, bounds = column.text(row).partition(" [")
    if not column.interval:
        text, bounds = column.text(row), ""
    numeric = column.decimals is not None
    order = _order(column, row)
    return _Cell(text, f"[{bounds}" if bounds else "", order, numeric, len(text) > LONG_CELL)


def _order(column: Column, row: Row) -> str | None:
    """The cell's number, or the one number that its text stands for; empty where it is missing."""
    if column.decimals is None and len(column.parts) != 1:
        return None
    value = row[column.key if column.decimals is not None else column.parts[0]]
    if pd.isna(value):
        return ""
    return f"{min(float(value), MOST):.8g}" if isinstance(value, Real) else None
