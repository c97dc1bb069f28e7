"""Records and the journal that keeps them through a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from framework.errors import PedbenchError
from framework.files import make_folder, writing

OK = "ok"
FAILED = "failed"
UNSUPPORTED = "unsupported"
NOT_APPLICABLE = "not_applicable"

COLUMNS = {
    "image_id": "string",
    "model": "string",
    "plan": "string",
    "payload": "string",
    "policy": "string",
    "n_shards": "Int64",
    "coalition": "Int64",
    "coalition_choice": "string",
    "frames": "Int64",
    "stage": "string",
    "defence": "string",
    "strength": "Float64",
    "adapted": "boolean",
    "attack": "string",
    "attack_kind": "string",
    "adaptive": "boolean",
    "seed": "Int64",
    "region": "string",
    "metric": "string",
    "value": "Float64",
    "status": "string",
    "error": "string",
    "seconds": "Float64",
    "image_file": "string",
    "from_store": "boolean",
    "scene": "string",
    "motion": "string",
    "averaged": "boolean",
    "positions": "string",
    "weights_known": "boolean",
    "can_query": "boolean",
    "public_photos": "string",
    "public_data": "string",
}
"""Columns of a record and their types; provenance columns follow them."""

PROVENANCE = ("benchmark_version", "commit", "weights", "dataset", "dataset_fingerprint", "device")

FRAME = 20_000
"""Records that are in memory at once while a journal becomes a table."""

CELL = "cell"
"""Where a record of the journal names its cell."""

Record = dict[str, Any]


class Journal:
    """An append-only file of finished units (a cell on an image) with their records.

    Each unit is one line, flushed to the disk before the next begins: after ``kill -9`` at most
    the unit under way is lost, and a half-written last line is discarded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: set[str] = set()
        make_folder(path.parent)
        intact = 0
        if path.exists():
            with path.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self.done.update(json.loads(line)["units"])
                    intact += len(line)
        with writing(path):
            self._file = path.open("ab", buffering=0)
            self._file.truncate(intact)

    def append(
        self,
        units: Iterable[str],
        records: Iterable[Mapping[str, Any]],
        provenance: Mapping[str, str],
    ) -> None:
        """Record units as finished, together with all of their records and where they were made."""
        units = list(units)
        entry = {"units": units, "provenance": dict(provenance), "records": list(records)}
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with writing(self.path, "free space there and run again; what is done is kept"):
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        self.done.update(units)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_journal(path: Path) -> Iterator[Record]:
    """All records of a journal with their provenance, where they do not give their own."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                entry = json.loads(line)
                yield from (entry["provenance"] | record for record in entry["records"])


def journal_frames(path: Path, size: int = FRAME) -> Iterator[pd.DataFrame]:
    """A journal as typed tables of some ``size`` records, so that memory does not grow with it."""
    records: list[Record] = []
    for record in read_journal(path):
        records.append(record)
        if len(records) == size:
            yield to_frame(records)
            records = []
    yield to_frame(records)


def to_frame(records: list[Record]) -> pd.DataFrame:
    """Records as a typed table."""
    types = COLUMNS | dict.fromkeys(PROVENANCE, "string")
    return _settled(pd.DataFrame.from_records(records, columns=list(types)).astype(types))


def write_records(frames: Iterable[pd.DataFrame], folder: Path) -> Path:
    """Write ``records.parquet`` in one step, so that a reader never finds half of it.

    Args:
        frames: from `to_frame`, at least one.
    """
    path = folder / "records.parquet"
    part = path.with_suffix(".part")
    tables = (pa.Table.from_pandas(frame, preserve_index=False) for frame in frames)
    first = next(tables)
    with writing(path, "free space there and run again; what is done is kept"):
        with pq.ParquetWriter(part, first.schema, compression="zstd") as writer:
            for table in chain([first], tables):
                writer.write_table(table)
        part.replace(path)
    return path


def read_records(folder: Path) -> pd.DataFrame:
    """The records of a run folder.

    Raises:
        PedbenchError: there are none, or the file is damaged.
    """
    path = folder / "records.parquet"
    if not path.is_file():
        raise PedbenchError(f"{folder} holds no records.parquet: give a run folder, or run first")
    try:
        return _settled(pd.read_parquet(path))
    except (OSError, ValueError) as error:
        raise PedbenchError(f"{path} is damaged ({error}): run again to rebuild it") from error


UNLESS_TOLD: dict[str, Any] = {
    "adapted": False,
    "from_store": False,
    "frames": 1,
    "motion": "static",
    "averaged": False,
    "positions": "known",
    "weights_known": True,
    "can_query": True,
    "public_photos": "all",
    "public_data": "in-domain",
}
"""What a record that does not say so was made with: weights in stock order, in its own run, by the
usual attacker."""


def _settled(frame: pd.DataFrame) -> pd.DataFrame:
    """Records with a value in every column of `UNLESS_TOLD`."""
    missing = [name for name in UNLESS_TOLD if name not in frame]
    told = frame.reindex(columns=[*frame.columns, *missing])
    for name, value in UNLESS_TOLD.items():
        column: Any = COLUMNS[name]
        kind: Any = bool if isinstance(value, bool) else column
        told[name] = told[name].astype(column).fillna(value).astype(kind)
    return told
