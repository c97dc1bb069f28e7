"""A run narrowed to those cells whose settings, as record columns state them, have given values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.spec.cells import AttackCell, Cell, SegmentationCell
from framework.declaration import declared, written
from framework.errors import PedbenchError, unknown_name

Only = Mapping[str, Sequence[str]]
"""The values that are kept of each column, as text."""

COLUMNS = tuple(
    dict.fromkeys(
        each.column
        for kind in (SegmentationCell, AttackCell)
        for each in declared(kind)
        if each.column is not None
    )
)


def as_text(value: Any) -> str:
    """A setting's value as it is given on the command line: ``0.5``, ``random``, ``true``."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def read_only(texts: Sequence[str]) -> dict[str, list[str]]:
    """``column=value,value`` texts by column.

    Raises:
        PedbenchError: a text has no ``=``.
    """
    found = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not (equals and values):
            raise PedbenchError(f"--only {text}: give SETTING=VALUE, e.g. policy=random")
        found[name] = values.split(",")
    return found


def check_only(only: Only) -> None:
    """Refuse columns that no cell has.

    Raises:
        PedbenchError: names the first one and the nearest known.
    """
    for name in only:
        if name not in COLUMNS:
            raise PedbenchError(f"only: {unknown_name('setting', str(name), COLUMNS)}")


def keeps(only: Only, cell: Cell) -> bool:
    """Whether every setting that both name has one of the wanted values.

    Segmentation has no attacker, so of attackers' settings only a wanted attack leaves it out.
    """
    settings = {"attack": ""} | written(cell)
    return all(
        as_text(settings[name]) in [as_text(value) for value in values]
        for name, values in only.items()
        if name in settings
    )
