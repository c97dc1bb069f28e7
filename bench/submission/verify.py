"""Recomputing a random sample of a run's cells, to see whether its records hold."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from tqdm import tqdm

from bench import __version__
from bench.metrics import METRICS, used_metrics
from bench.parts import installed_parts
from bench.runner.context import Context, Task
from bench.runner.defences import check_trained
from bench.runner.folder.contents import SETTINGS, VERIFIED
from bench.runner.folder.facts import changed, facts_of
from bench.runner.folder.journal import Unit
from bench.runner.folder.provenance import read_environment
from bench.runner.folder.records import RECORDS, UNSUPPORTED, Record, read_records, to_frame
from bench.runner.units.waves import Waves
from bench.spec.cells import Pipeline
from bench.spec.config import RunConfig, read_config
from bench.submission.agreement import differences, too_far
from bench.submission.measured import Measured, measured_in
from framework.compute.devices import usable_device
from framework.errors import PedbenchError
from framework.files.download import sha256_of
from framework.files.writing import write_file


@dataclass(frozen=True)
class Verification:
    """What came of recomputing some cells.

    Attributes:
        cells: how many were recomputed, each on one image.
        table: as `differences` gives it.
    """

    cells: int
    table: pd.DataFrame

    @property
    def agrees(self) -> bool:
        """Whether every record agrees within its tolerance."""
        return too_far(self.table).empty


def verify(folder: Path, sample: int, seed: int, device: str | None = None) -> Verification:
    """Recompute a random sample of a run's cells, without its store of results.

    Attackers that the cache holds are not trained again. A folder with its journal also tells
    whether all records of a cell are there; without one, cells that are missing whole are not
    noticed.

    Args:
        folder: of a run.
        sample: how many cells, each on one image; all where the run has fewer.
        seed: of the choice.
        device: as `usable_device` takes it.

    Raises:
        PedbenchError: the folder holds no run, or damaged records; its data, weights or parts are
            not to be had here or are others.
    """
    if not (folder / SETTINGS).is_file():
        raise PedbenchError(f"{folder} holds no {SETTINGS}: give a run's folder")
    config = read_config(folder / SETTINGS)
    _check_parts(config, folder)
    if (folder / RECORDS).is_file():
        read_records(folder)
    units, before = _chosen(measured_in(folder, config), folder, sample, seed)
    added = _added_metrics(config, before)
    config = replace(config, metrics=(*config.metrics, *added))
    with TemporaryDirectory(prefix="pedbench-verify-") as place:
        context = Context(config, Path(place), usable_device(device))
        check_trained(config, context.models)
        others = changed(folder, config, facts_of(context))
        if others:
            raise PedbenchError(
                f"{folder} was made with another {', '.join(others)} than there is here: "
                "verify it where its own are"
            )
        after = _computed(context, units)
    mine, theirs = map(to_frame, _on_both_machines(before, after))
    return Verification(len(units), differences(mine, theirs, added))


def _check_parts(config: RunConfig, folder: Path) -> None:
    """Check the settings; a part that is unknown now may have come with a package.

    Raises:
        PedbenchError: the settings are not possible here.
    """
    try:
        config.check()
    except PedbenchError as error:
        had = read_environment(folder).get("plugins", {})
        for part in sorted(set(had) - set(installed_parts())):
            kind, _, name = part.rpartition(" ")
            if f"unknown {kind} '{name}'" in str(error):
                raise PedbenchError(
                    f"{folder} was run with {part} of {had[part]}: install that package"
                ) from error
        raise


def _chosen(
    measured: Measured, folder: Path, sample: int, seed: int
) -> tuple[list[Unit], list[Record]]:
    """A random sample of what was measured."""
    if not measured:
        raise PedbenchError(f"{folder} has no finished cell: run it first")
    names = random.Random(seed).sample(sorted(measured), min(sample, len(measured)))
    chosen = [measured[name] for name in names]
    return [u for units, _ in chosen for u in units], [r for _, records in chosen for r in records]


def _added_metrics(config: RunConfig, records: Sequence[Record]) -> tuple[str, ...]:
    """The metrics that `pedbench rescore` added to those of the run."""
    scored = {record["metric"] for record in records}
    return tuple(sorted(scored & set(METRICS.names()) - set(used_metrics(config.metrics))))


def _computed(context: Context, units: Sequence[Unit]) -> list[Record]:
    tasks: dict[tuple[str, Pipeline], list[Unit]] = defaultdict(list)
    for unit in units:
        tasks[unit.image_id, unit.cell.pipeline].append(unit)
    waves = Waves(context, None)
    list(waves.fit(context.attackers.untrained(unit.cell for unit in units)))
    records: list[Record] = []
    todo = [Task(image, tuple(u.cell for u in some)) for (image, _), some in tasks.items()]
    with tqdm(total=len(units), unit="cell", desc="verify") as bar:
        for _, done, found in waves.compute(todo):
            records += found
            bar.update(len(done))
    return records


def _on_both_machines(*sides: Sequence[Record]) -> list[list[Record]]:
    """Records without the metrics that one of two machines lacks: all of them there say so."""
    absent: set[str] = set()
    for side in sides:
        had = {r["metric"] for r in side if r["status"] != UNSUPPORTED}
        absent |= {r["metric"] for r in side} - had
    return [[record for record in side if record["metric"] not in absent] for side in sides]


def records_digest(folder: Path) -> str:
    """The SHA-256 of a folder's table of records; empty where there is none."""
    path = folder / RECORDS
    return sha256_of(path) if path.is_file() else ""


def keep(folder: Path, found: Verification, seed: int) -> None:
    """Write the outcome to `VERIFIED` of the run's folder, with a digest of its records.

    Raises:
        PedbenchError: it cannot be written.
    """
    outcome = {
        "date": date.today().isoformat(),
        "benchmark_version": __version__,
        "cells": found.cells,
        "records": len(found.table),
        "disagreeing": len(too_far(found.table)),
        "seed": seed,
        "records_sha256": records_digest(folder),
    }
    write_file(folder / VERIFIED, json.dumps(outcome, indent=2))
