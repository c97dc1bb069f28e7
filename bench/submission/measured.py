"""What a run folder says it measured: units with their records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.runner.folder.journal import JOURNAL, Unit, finished
from bench.runner.folder.records import CELL, FAILED, Record, read_records, to_frame
from bench.runner.folder.records import SETTINGS as CELL_COLUMNS
from bench.spec.config import RunConfig
from framework.declaration import written

Measured = dict[str, tuple[list[Unit], list[Record]]]
"""Units that were computed without failure, with their records; several where records do not tell
them apart. A name for each."""


def measured_in(folder: Path, config: RunConfig) -> Measured:
    """What a run folder says it measured, by its journal, or by its records where there is none.

    Args:
        folder: of the run.
        config: its settings; other cells are left out.

    Raises:
        PedbenchError: it has neither, or they are damaged.
    """
    of = _of_journal if (folder / JOURNAL).is_file() else _of_records
    return of(folder, config)


def _of_journal(folder: Path, config: RunConfig) -> Measured:
    known = {cell.id for cell in config.cells()}
    measured: Measured = {}
    for units, records, _ in finished(folder / JOURNAL):
        for unit in units:
            if unit.cell.id in known and not unit.failed:
                measured[f"{unit.cell.id}:{unit.image_id}"] = [unit], []
        for record in records:
            if (name := f"{record.get(CELL, '')}:{record['image_id']}") in measured:
                measured[name][1].append(record)
    return measured


def _of_records(folder: Path, config: RunConfig) -> Measured:
    """The same without a journal, for the slim folders of `results/reference`.

    Recognisers have no column of their own: they go with the attack whose picture they judge.
    """
    frame, cells = read_records(folder), config.cells()
    columns = [name for name in (*CELL_COLUMNS, "seed") if name in frame]
    asked_for = to_frame([written(cell) for cell in cells])
    by_text = defaultdict(list)
    for text, cell in zip(_as_text(asked_for, columns), cells, strict=True):
        by_text[text].append(cell)
    measured: Measured = {}
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    for text, row in zip(_as_text(frame, columns), rows, strict=True):
        if asked := by_text.get(text):
            image = str(row["image_id"])
            units = [Unit(image, cell, "") for cell in asked]
            name = f"{asked[0].id}:{image}"
            measured.setdefault(name, (units, []))[1].append({str(k): v for k, v in row.items()})
    return {
        name: (units, records)
        for name, (units, records) in measured.items()
        if all(record["status"] != FAILED for record in records)
    }


def _as_text(frame: pd.DataFrame, columns: Sequence[str]) -> list[tuple[str, ...]]:
    return list(frame[columns].astype("string").fillna("").itertuples(index=False, name=None))
