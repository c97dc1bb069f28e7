"""The journal, which keeps a run's finished units through a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.runner.folder.records import CELL, FAILED, LOAD, Record, to_frame
from bench.spec.cells import Cell, cell_of, plain
from framework.errors import PedbenchError, one_line
from framework.files.writing import writing

JOURNAL = "journal.jsonl"
"""A run folder's file of this name."""

FRAME = 20_000
"""Records that are in memory at once while a journal becomes a table."""


@dataclass(frozen=True)
class Unit:
    """One cell on one image, as it was finished.

    Attributes:
        image_id: the image.
        cell: the cell.
        key: digest of all that its records depend on, see `bench.cache.keys`.
        pictured: whether its pictures were wanted.
        failed: whether one of its records is an error.
        inputs: what its records depend on, as `bench.cache.keys.Keys.inputs` names it.
    """

    image_id: str
    cell: Cell
    key: str
    pictured: bool = False
    failed: bool = False
    inputs: Mapping[str, str] = field(default_factory=dict, compare=False)


class Journal:
    """An append-only file of finished units with their records.

    Each line is flushed to the disk before the next begins: after ``kill -9`` at most the units
    under way are lost, and a half-written last line is discarded. A unit may be entered again: its
    last line counts.

    Attributes:
        done: finished units by `unit_id`.
        unknown: names of finished units that another version entered in another form.

    Raises:
        PedbenchError: a line is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[str, Unit] = {}
        self.unknown: set[str] = set()
        intact = 0
        for entry, size in _entries(path):
            self._count(entry)
            intact += size
        with writing(path):
            self._file = path.open("ab", buffering=0)
            self._file.truncate(intact)

    def append(
        self, units: Iterable[Unit], records: Iterable[Record], provenance: Mapping[str, str]
    ) -> None:
        """Enter finished units with all of their records and where they were made."""
        units = list(units)
        self._write(
            {
                "units": {
                    unit_id(unit.cell, unit.image_id): [unit.key, unit.pictured] for unit in units
                },
                "cells": {unit.cell.id: plain(unit.cell) for unit in units},
                "inputs": _shared_first(units),
                "provenance": dict(provenance),
                "records": list(records),
            }
        )

    def void(self, names: Iterable[str]) -> None:
        """Declare that these units no longer count, and with them their records."""
        self._write({"void": list(names)})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with writing(self.path, "free space there and run again; what is done is kept"):
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        if not os.fstat(self._file.fileno()).st_nlink:
            raise PedbenchError(f"{self.path} was deleted while the run went on: run again")
        self._count(entry)

    def _count(self, entry: Mapping[str, Any]) -> None:
        for name in (*entry.get("void", ()), *entry.get("units", ())):
            self.done.pop(name, None)
            self.unknown.discard(name)
        for name, unit in _units(entry):
            if unit is None:
                self.unknown.add(name)
            else:
                self.done[name] = unit


def has_void(path: Path) -> bool:
    """Whether some units of a journal no longer count, so that it may hold fewer than before."""
    return any(entry.get("void") for entry, _ in _entries(path))


def unit_id(cell: Cell, image_id: str) -> str:
    """The journal's name for one cell on one image."""
    return f"{cell.id}:{image_id}"


def read_journal(path: Path) -> Iterator[Record]:
    """The records of a journal, each unit's last ones, with their provenance.

    Raises:
        PedbenchError: a line is damaged; names it.
    """
    for entry, _, records in _current(path):
        yield from (entry["provenance"] | record for record in records)


def finished(path: Path) -> Iterator[tuple[list[Unit], list[Record], dict[str, str]]]:
    """The units that count, with their records and where they were made, a few at a time.

    Raises:
        PedbenchError: a line is damaged; names it.
    """
    for entry, current, records in _current(path):
        units = [
            replace(unit, inputs=_inputs(entry, unit))
            for name, unit in _units(entry)
            if unit and name in current
        ]
        yield units, records, entry["provenance"]


def _current(path: Path) -> Iterator[tuple[dict[str, Any], set[str], list[Record]]]:
    """Lines that still count, each with the names of its units that do and with their records."""
    last: dict[str, int] = {}
    for number, (entry, _) in enumerate(_entries(path)):
        for name in entry.get("void", ()):
            last.pop(name, None)
        last.update(dict.fromkeys(entry.get("units", ()), number))
        last.update(dict.fromkeys(_unreadable(entry), number))
    for number, (entry, _) in enumerate(_entries(path)):
        current = {name for name in entry.get("units", ()) if last.get(name) == number}
        if current:
            owners = ((record, _owner(record)) for record in entry["records"])
            records = [r for r, owner in owners if owner is None or last.get(owner) == number]
            yield entry, current, records


def read_units(path: Path) -> dict[str, Unit]:
    """The units that count, by `unit_id`; the file is left as it is.

    Raises:
        PedbenchError: a line is damaged; names it.
    """
    units = (unit for found, _, _ in finished(path) for unit in found)
    return {unit_id(unit.cell, unit.image_id): unit for unit in units}


def journal_frames(path: Path, size: int = FRAME) -> Iterator[pd.DataFrame]:
    """A journal as typed tables of some ``size`` records, so that memory does not grow with it."""
    records: list[Record] = []
    for record in read_journal(path):
        records.append(record)
        if len(records) == size:
            yield _table(records, path)
            records = []
    yield _table(records, path)


def _table(records: list[Record], path: Path) -> pd.DataFrame:
    try:
        frame = to_frame(records)
        if np.isinf(frame["value"].dropna().to_numpy(dtype=float)).any():
            raise ValueError("a value is infinite")
    except (ValueError, TypeError, OverflowError) as error:
        raise PedbenchError(
            f"{path} is damaged ({one_line(error)}): run again with --fresh, or mend the file"
        ) from error
    return frame


def _entries(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Whole lines with their sizes in bytes; a torn last one is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                entry = json.loads(line, parse_constant=_refuse)
            except (ValueError, RecursionError):
                entry = None
            if not _whole(entry):
                raise PedbenchError(
                    f"{path} is damaged in line {number}: delete this line and run again, "
                    "which computes its cells anew"
                )
            yield entry, len(line)


def _refuse(constant: str) -> None:
    """NaN and infinity are no JSON, and no scores."""
    raise ValueError(constant)


def _whole(entry: Any) -> bool:
    """Whether a line has the fields of its kind, each of its form; older ones list their units."""
    if not isinstance(entry, dict):
        return False
    if "void" in entry:
        return isinstance(entry["void"], list) and _are_names(entry["void"])
    if not (
        isinstance(entry.get("units"), (dict, list)) and isinstance(entry.get("records"), list)
    ):
        return False
    if isinstance(entry["units"], dict) and not all(map(_is_key, entry["units"].values())):
        return False
    if not _are_names(entry["units"]):
        return False
    mappings = [entry.get("provenance"), entry.get("cells", {}), entry.get("inputs", {})]
    if not all(isinstance(each, dict) for each in (*mappings, *entry["records"])):
        return False
    if not all(isinstance(each, dict) for each in entry.get("inputs", {}).values()):
        return False
    return all(_are_names([each.get("image_id"), each.get("metric")]) for each in entry["records"])


def _are_names(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_key(value: Any) -> bool:
    """Whether it says a unit's key and whether its pictures were wanted."""
    return isinstance(value, list) and [type(each) for each in value] == [str, bool]


def _units(entry: Mapping[str, Any]) -> Iterator[tuple[str, Unit | None]]:
    """The units of a line by name; ``None`` where it does not tell their cells."""
    units, cells = entry.get("units", {}), entry.get("cells", {})
    failed = {_owner(record) for record in _failures(entry)}
    for name in units:
        cell, _, image_id = name.partition(":")
        known = cell_of(cells[cell]) if cell in cells else None
        if known is None:
            yield name, None
        else:
            spoilt = not failed.isdisjoint({name, f"{LOAD}:{image_id}"})
            key, pictured = units[name]
            yield name, Unit(image_id, known, key, pictured, spoilt)


def _shared_first(units: Sequence[Unit]) -> dict[str, dict[str, str]]:
    """Inputs of units by cell; those that all have in common stand once, under an empty name."""
    shared = set.intersection(*(set(unit.inputs.items()) for unit in units)) if units else set()
    own = {unit.cell.id: dict(sorted(set(unit.inputs.items()) - shared)) for unit in units}
    return {"": dict(sorted(shared))} | own


def _inputs(entry: Mapping[str, Any], unit: Unit) -> dict[str, str]:
    known = entry.get("inputs", {})
    return known.get("", {}) | known.get(unit.cell.id, {})


def _failures(entry: Mapping[str, Any]) -> Iterator[Record]:
    return (record for record in entry.get("records", ()) if record.get("status") == FAILED)


def _unreadable(entry: Mapping[str, Any]) -> set[str]:
    owners = {_owner(record) for record in _failures(entry)}
    return {owner for owner in owners if owner is not None and owner.startswith(f"{LOAD}:")}


def _owner(record: Record) -> str | None:
    """The name of the unit, or of the unreadable image, that a record belongs to."""
    if record.get(CELL):
        return f"{record[CELL]}:{record['image_id']}"
    return f"{LOAD}:{record['image_id']}" if record.get("metric") == LOAD else None
