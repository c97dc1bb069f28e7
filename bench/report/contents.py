"""Every table and figure of a run, those of other packages included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import pandas as pd

from bench.report.base import (
    FIGURES,
    TABLES,
    ReportPart,
    ReportTable,
    Undecided,
    origin_of,
    problem_of,
)
from bench.report.data import RunData
from bench.report.render.drawing import Drawing
from bench.report.render.table import Table
from framework.errors import FAULTS
from framework.registry import Registry
from framework.warn import warn_once

Part = TypeVar("Part", bound=ReportPart)


@lru_cache(maxsize=2)
def tables_of(run: RunData) -> tuple[Table, ...]:
    """Every table in reading order. One without rows says why; one that failed says what failed."""
    return tuple(_built(part, run) for part in _in_order(TABLES))


@lru_cache(maxsize=2)
def drawings_of(run: RunData) -> tuple[Drawing, ...]:
    """Every figure in reading order, strips of photos aside, for files and report alike."""
    return tuple(Drawing(part, run) for part in _in_order(FIGURES))


def _in_order(registry: Registry[type[Part]]) -> Iterator[Part]:
    parts = [part for _, part in registry.items()]
    yield from (part() for part in sorted(parts, key=lambda part: (part.place, part.name)))


def _built(part: ReportTable, run: RunData) -> Table:
    """The table of a part, its cells written once so that what cannot be written is noticed."""
    nothing = part.table(pd.DataFrame(), ())
    try:
        table = part.build(run) if part.applies(run) else nothing
        table = replace(table, origin=origin_of(part))
        table.to_markdown()
    except Undecided as error:
        return replace(nothing, problem=problem_of(part, error))
    except FAULTS as error:
        problem = problem_of(part, error)
        warn_once(problem)
        return replace(nothing, problem=problem)
    return table
