"""Records: what a run measured, as typed tables and as `records.parquet`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.spec.cells import AttackCell, Pipeline
from bench.words import plural
from framework.declaration import declared, own
from framework.errors import PedbenchError, one_line
from framework.files.writing import writing
from framework.warn import warn

RECORDS = "records.parquet"
"""A run folder's file of this name."""

OK = "ok"
FAILED = "failed"
UNSUPPORTED = "unsupported"
NOT_APPLICABLE = "not_applicable"

_SETTINGS = {each.column: each for each in declared(AttackCell) if each.column is not None}
_OWN = {
    "image_id": "string",
    "model": "string",
    "attack_kind": "string",
    "region": "string",
    "metric": "string",
    "value": "Float64",
    "status": "string",
    "error": "string",
    "seconds": "Float64",
    "image_file": "string",
    "from_store": "boolean",
    "scene": "string",
    "plugins": "string",
}
"""Columns that are no settings of a cell, and their types."""
_ORDER = (
    *("image_id", "model", "plan", "payload", "policy", "n_shards", "coalition"),
    *("coalition_choice", "frames", "stage", "defence", "strength", "adapted", "attack"),
    *("attack_kind", "adaptive", "seed", "region", "metric", "value", "status", "error"),
    *("seconds", "image_file", "from_store", "scene", "motion", "averaged", "positions"),
    *("weights_known", "can_query", "public_photos", "public_data", "plugins"),
)
"""The order of columns, which readers of files rely on; columns of newer settings follow."""
_TYPES = _OWN | {name: each.column_type for name, each in _SETTINGS.items()}

COLUMNS = {name: _TYPES[name] for name in (*_ORDER, *_TYPES)}
"""Columns of a record and their types; provenance columns follow them."""

SETTINGS = [name for name in COLUMNS if name in _SETTINGS and name != "seed"]
"""Columns that tell cells apart, attacker seeds aside."""

DEFAULTS: dict[str, Any] = {"from_store": False, "plugins": ""} | {
    name: each.written(each.default)
    for name, each in _SETTINGS.items()
    if not each.setting.in_every_record
}
"""Defaults for fields that older records lack."""
VARIANTS = [
    name
    for name in SETTINGS
    if name in DEFAULTS and name not in {each.column for each in own(Pipeline)}
]
"""Columns that tell attackers and scenes apart beyond the coalition and the stage."""

NEEDED = [name for name in _ORDER if name not in DEFAULTS and name != "scene"]
"""Columns that records of every version have."""

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
    path = folder / RECORDS
    part = path.with_suffix(f".{os.getpid()}.part")
    tables = (pa.Table.from_pandas(frame, preserve_index=False) for frame in frames)
    first = next(tables)
    with writing(path, "free space there and run again; what is done is kept"):
        try:
            with pq.ParquetWriter(part, first.schema, compression="zstd") as writer:
                for table in chain([first], tables):
                    writer.write_table(table)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    return path


def count_records(folder: Path) -> int:
    """How many records the file of a run folder holds; 0 where it is damaged."""
    try:
        return int(pq.read_metadata(folder / RECORDS).num_rows)
    except (OSError, pa.ArrowException):
        return 0


def read_records(folder: Path) -> pd.DataFrame:
    """The records of a run folder, each measurement once: of doubles, the later one.

    Raises:
        PedbenchError: there are none, or the file is damaged.
    """
    path = folder / RECORDS
    if not path.is_file():
        raise PedbenchError(f"{folder} holds no records.parquet: give a run folder, or run first")
    try:
        records = _settled(_typed(pd.read_parquet(path)))
    except (OSError, ValueError, TypeError, NotImplementedError) as error:
        said = one_line(error)
        raise PedbenchError(f"{path} is damaged ({said}): run again to rebuild it") from error
    missing = [name for name in NEEDED if name not in records]
    if missing:
        raise PedbenchError(
            f"{path}: columns {', '.join(missing)} are missing: give records of a run"
        )
    told = [name for name in COLUMNS if name in records and name not in OUTCOME]
    twice = records.duplicated(told, keep="last")
    if twice.any():
        warn(f"{path} holds {plural(int(twice.sum()), 'record')} twice: the later ones count")
        records = records[~twice].reset_index(drop=True)
    return records


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Records with the type of each of `COLUMNS`.

    Raises:
        ValueError, TypeError: a column holds values of another type.
    """
    other = {n: kind for n, kind in COLUMNS.items() if n in frame and str(frame[n].dtype) != kind}
    return frame.astype(other)


def _settled(frame: pd.DataFrame) -> pd.DataFrame:
    """Records with a value in every column of `DEFAULTS`."""
    missing = [name for name in DEFAULTS if name not in frame]
    told = frame.reindex(columns=[*frame.columns, *missing])
    for name, value in DEFAULTS.items():
        column: Any = COLUMNS[name]
        kind: Any = bool if isinstance(value, bool) else column
        told[name] = told[name].astype(column).fillna(value).astype(kind)
    return told


def score_record(value: float | None) -> Record:
    """Value and status of one score.

    ``None`` means that it is not applicable; NaN and infinity are no scores: it failed.
    """
    if value is None:
        return {"status": NOT_APPLICABLE}
    if not math.isfinite(value):
        return {"status": FAILED, "error": f"the score is {value}, not a finite number"}
    return {"status": OK, "value": float(value)}
