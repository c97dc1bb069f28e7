"""`run`: every cell on every image, journalled, resumable."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from bench.attackers.cards import keep
from bench.cache.keys import Keys
from bench.cache.results import CachedResults, Found
from bench.cache.store import Store
from bench.runner.checks import checked, lpips_absent, prepared, recognisers_absent
from bench.runner.context import Context, Task, is_unreadable
from bench.runner.engines import Engine, open_engine
from bench.runner.folder import provenance as environment
from bench.runner.folder.contents import ANOTHER_OUT, SETTINGS, discard
from bench.runner.folder.facts import widened
from bench.runner.folder.journal import JOURNAL, Journal, has_void, journal_frames
from bench.runner.folder.lock import locked
from bench.runner.folder.records import (
    FAILED,
    PROVENANCE,
    RECORDS,
    count_records,
    read_records,
    write_records,
)
from bench.runner.forecast.forecast import forecast_of
from bench.runner.forecast.measuring import Meter
from bench.runner.forecast.progress import Progress
from bench.runner.forecast.rates import place_of
from bench.runner.phases import phase
from bench.runner.units.resume import count_cells, sift, tasks_left, units_of
from bench.runner.units.share import Share
from bench.runner.units.waves import Waves
from bench.spec.config import RunConfig
from framework.errors import PedbenchError
from framework.files.writing import write_file
from framework.warn import tell, warn


@dataclass(frozen=True)
class Run:
    """A finished or resumed run.

    Attributes:
        folder: the run folder.
        new_units: cells × images computed this time.
        from_store: cells × images taken from the store this time.
        total: records of the run.
        failed: records of the run that are errors.
        place: what its rates hold for, see `bench.runner.forecast.rates.place_of`.
    """

    folder: Path
    new_units: int
    from_store: int
    total: int
    failed: int
    place: str = ""

    @property
    def records(self) -> pd.DataFrame:
        """All of its records, read from the folder."""
        return read_records(self.folder)

    @property
    def first_failure(self) -> str:
        """The error of its first failed record; empty where none failed."""
        records = self.records
        return next(iter(records.loc[records["status"] == FAILED, "error"].dropna()), "")


def run(
    config: RunConfig,
    folder: Path,
    *,
    device: str | None = None,
    workers: int | None = None,
    store: Store | None = None,
    fresh: bool = False,
    executor: str | None = None,
    share: Share | None = None,
) -> Run:
    """Carry out ``config`` in ``folder``, continuing what is there.

    Args:
        config: what to measure.
        folder: the run folder, made if it is missing.
        device: as `framework.compute.devices.usable_device` takes it.
        workers: processes that share the work; see `default_workers` unless given.
        store: from which unchanged cells and encodings are taken and to which new ones go.
        fresh: discard the run that ``folder`` holds, once all else has been checked.
        executor: as `open_engine` takes it.
        share: compute only this part of the units; all unless given.

    Raises:
        PedbenchError: bad configuration; missing data; ``folder`` holds another run, is in use, or
            is to be discarded and no run's; scored images are public ones, or trained an attack's
            shipped weights; no such executor.
    """
    device, workers = checked(config, device, workers)
    engine = open_engine(executor, workers, device)
    with engine or nullcontext(), locked(folder):
        meter = Meter(place_of(config, device, engine))
        context, facts = prepared(config, folder, device, store, fresh)
        if fresh:
            discard(folder)
        with phase("journal"):
            journal = Journal(folder / JOURNAL)
        write_file(folder / SETTINGS, widened(config, folder).to_yaml(), ANOTHER_OUT)
        write_file(folder / environment.FILE, json.dumps(facts, indent=2), ANOTHER_OUT)
        try:
            new, old = _work(context, journal, facts, engine, share, meter)
        finally:
            journal.close()
        kept = count_records(folder)
        statuses = rebuild_records(folder)
        if statuses.total() < kept and not has_void(folder / JOURNAL):
            warn(
                f"{folder / RECORDS} held {kept} records, the journal {statuses.total()}: what it "
                "lost is gone, such as scores of 'pedbench rescore'; rescore again"
            )
        meter.run_ended(context, journal.done.values())
    return Run(folder, new, old, statuses.total(), statuses[FAILED], meter.place)


def rebuild_records(folder: Path) -> Counter[str]:
    """Write ``records.parquet`` from the journal; how many records have each status."""
    statuses: Counter[str] = Counter()

    def counted() -> Iterator[pd.DataFrame]:
        for frame in journal_frames(folder / JOURNAL):
            statuses.update(frame["status"])
            yield frame

    with phase("records.parquet"):
        write_records(counted(), folder)
    return statuses


def refresh_records(folder: Path) -> None:
    """Rebuild the records of an unfinished run, so that its tables show what is done so far.

    Raises:
        PedbenchError: the journal is damaged, or has lost lines that the records hold.
    """
    journal, records = folder / JOURNAL, folder / RECORDS
    if not journal.exists():
        return
    if not records.exists():
        rebuild_records(folder)
    elif journal.stat().st_mtime > records.stat().st_mtime:
        kept, left = count_records(folder), sum(map(len, journal_frames(journal)))
        if left < kept and not has_void(journal):
            raise PedbenchError(
                f"{journal} holds {left} records, {RECORDS} {kept}: restore the journal, or delete "
                f"{RECORDS} to go on with what is left"
            )
        rebuild_records(folder)


def _work(
    context: Context,
    journal: Journal,
    facts: Mapping[str, Any],
    engine: Engine | None,
    share: Share | None,
    meter: Meter,
) -> tuple[int, int]:
    """Get what the journal lacks; the numbers of cells × images computed and from the store."""
    config = context.config
    provenance = {name: facts[name] for name in PROVENANCE}
    keys = Keys(config, context.scored, context.attackers)
    with phase("keys"):
        sift(journal, config, keys)
    tasks = tasks_left(context, journal.done, share)
    missing = count_cells(tasks)
    results = None
    if context.store and not config.remote:
        results = CachedResults(context.store, config, context.folder, facts, keys)
        tasks = _taken(results, tasks, journal, provenance)
    if lpips_absent(config):
        warn("no LPIPS scores, its weights are missing: run 'pedbench weights lpips' first")
    for name, why in recognisers_absent(config).items():
        warn(f"nothing recognised by '{name}': {why}")
    forecast = forecast_of(context, tasks, engine)
    if tasks:
        tell(forecast.line())
    progress = Progress(forecast)
    waves = Waves(context, engine)
    with meter.attackers(len(forecast.attackers)), progress.wave("attackers"):
        for cell in waves.fit(forecast.attackers):
            progress.fitted(cell)
    keep(context.folder, context.attackers.cards(config.cells()))
    unreadable: set[str] = set()
    with meter.cells(tasks), progress.wave("cells"):
        for image_id, done, records in waves.compute(tasks):
            if image_id in unreadable:
                records = []
            elif is_unreadable(records):
                unreadable.add(image_id)
            with phase("journal"):
                journal.append(units_of(keys, done, image_id), records, provenance)
            devices = {record.get("device", facts["device"]) for record in records}
            if results and devices <= {facts["device"]}:
                with phase("store"):
                    results.put(image_id, done, records)
            progress.computed(image_id, done)
    return forecast.cells, missing - forecast.cells


def _taken(
    results: CachedResults, tasks: Sequence[Task], journal: Journal, provenance: Mapping[str, str]
) -> list[Task]:
    """Enter what the store has of ``tasks`` in the journal; what is left of them."""
    left: list[Task] = []
    for image_id, group in groupby(tasks, key=lambda task: task.image_id):
        units: list[Found] = []
        for task in group:
            with phase("store"):
                found = {unit.cell.id: unit for unit in results.take(image_id, task.cells)}
            units.extend(found.values())
            rest = tuple(cell for cell in task.cells if cell.id not in found)
            if rest:
                left.append(Task(image_id, rest))
        if units:
            entered = units_of(results.keys, [unit.cell for unit in units], image_id)
            with phase("journal"):
                journal.append(entered, [r for unit in units for r in unit.records], provenance)
    return left
