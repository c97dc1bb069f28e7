"""Records: what a run measured, as typed tables and as `records.parquet`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from framework.errors import PedbenchError
from framework.files.writing import writing
from framework.warn import warn

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
    "plugins": "string",
}
"""Columns of a record and their types; provenance columns follow them."""

PROVENANCE = ("benchmark_version", "commit", "weights", "dataset", "dataset_fingerprint", "device")

CELL = "cell"
"""Where a record of the journal names its cell."""

LOAD = "load"
"""The metric of the one record of an image that cannot be read."""

Record = dict[str, Any]

OUTCOME = ("value", "status", "error", "seconds", "image_file", "from_store", "plugins")
"""Columns that say how a measurement came out; the others say what was measured."""


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
    part = path.with_suffix(f".{os.getpid()}.part")
    tables = (pa.Table.from_pandas(frame, preserve_index=False) for frame in frames)
    first = next(tables)
    with writing(path, "free space there and run again; what is done is kept"):
        with pq.ParquetWriter(part, first.schema, compression="zstd") as writer:
            for table in chain([first], tables):
                writer.write_table(table)
        part.replace(path)
    return path


def read_records(folder: Path) -> pd.DataFrame:
    """The records of a run folder, each measurement once: of doubles, the later one.

    Raises:
        PedbenchError: there are none, or the file is damaged.
    """
    path = folder / "records.parquet"
    if not path.is_file():
        raise PedbenchError(f"{folder} holds no records.parquet: give a run folder, or run first")
    try:
        records = _settled(pd.read_parquet(path))
    except (OSError, ValueError) as error:
        raise PedbenchError(f"{path} is damaged ({error}): run again to rebuild it") from error
    told = [name for name in COLUMNS if name in records and name not in OUTCOME]
    twice = records.duplicated(told, keep="last")
    if twice.any():
        warn(f"{path} holds {twice.sum()} records twice: the later ones count")
        records = records[~twice].reset_index(drop=True)
    return records


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
    "plugins": "",
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
