"""A run narrowed to those cells whose settings, as record columns state them, have given values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        PedbenchError: a text has no ``=``; two name one column.
    """
    found = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not (equals and values):
            raise PedbenchError(f"--only {text}: give SETTING=VALUE, e.g. policy=random")
        if name in found:
            raise PedbenchError(
                f"--only names {name} twice: give all of its values once, as {name}=A,B"
            )
        found[name] = values.split(",")
    return found


def check_only(only: Only, cells: Iterable[Cell]) -> None:
    """Refuse columns that no cell has, and values that none of ``cells`` has.

    Raises:
        PedbenchError: names the first one and the known ones.
    """
    for name in only:
        if name not in COLUMNS:
            raise PedbenchError(f"only: {unknown_name('setting', str(name), COLUMNS)}")
    known: dict[str, set[str]] = {name: set() for name in only}
    for settings in map(_settings, cells) if only else ():
        for name in known.keys() & settings.keys():
            known[name].add(as_text(settings[name]))
    for name, values in only.items():
        for value in map(as_text, values):
            if value not in known[name]:
                there = ", ".join(sorted(known[name] - {""})) or "nothing"
                raise PedbenchError(
                    f"only {name}={value} leaves nothing to run: as {name} the run has {there}"
                )


def keeps(only: Only, cell: Cell) -> bool:
    """Whether every setting that both name has one of the wanted values.

    Segmentation has no attacker, so of attackers' settings only a wanted attack leaves it out.
    """
    settings = _settings(cell)
    return all(
        as_text(settings[name]) in [as_text(value) for value in values]
        for name, values in only.items()
        if name in settings
    )


def _settings(cell: Cell) -> dict[str, Any]:
    return {"attack": ""} | written(cell)
