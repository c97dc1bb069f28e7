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
from tqdm import tqdm

from bench.attackers.cards import keep
from bench.cache.keys import Keys
from bench.cache.results import CachedResults, Found
from bench.cache.store import Store
from bench.datasets import Dataset
from bench.datasets.disjoint import check_scored
from bench.runner.context import Context, Task, default_workers, is_unreadable
from bench.runner.engines import Engine, open_engine
from bench.runner.folder import provenance as environment
from bench.runner.folder.contents import ANOTHER_OUT, SETTINGS, discard
from bench.runner.folder.journal import JOURNAL, Journal, journal_frames
from bench.runner.folder.lock import locked
from bench.runner.folder.records import FAILED, PROVENANCE, read_records, write_records
from bench.runner.phases import phase
from bench.runner.units.resume import sift, tasks_on, units_of
from bench.runner.units.share import Share
from bench.runner.units.waves import Waves
from bench.spec.cells import BARE, AttackCell, cell_id
from bench.spec.config import RunConfig, read_config
from framework.compute.devices import usable_device
from framework.errors import PedbenchError
from framework.files.writing import write_file

FIXED = (
    "model",
    "checkpoint",
    "precision",
    "adapted_checkpoint",
    "data",
    "public",
    "outside",
    "images",
    "annotations",
)
FIXED_FACTS = ("weights", "adapted_weights", "dataset_fingerprint")


@dataclass(frozen=True)
class Run:
    """A finished or resumed run.

    Attributes:
        folder: the run folder.
        new_units: cells × images computed this time.
        from_store: cells × images taken from the store this time.
        total: records of the run.
        failed: records of the run that are errors.
    """

    folder: Path
    new_units: int
    from_store: int
    total: int
    failed: int

    @property
    def records(self) -> pd.DataFrame:
        """All of its records, read from the folder."""
        return read_records(self.folder)


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
    config.check()
    device = usable_device(device)
    if workers is not None and workers < 1:
        raise PedbenchError(f"{workers} workers: give at least 1")
    if config.precision == "int8" and device != "cpu":
        raise PedbenchError("precision int8 runs on the CPU: add --device cpu")
    engine = open_engine(executor, workers or default_workers(config, device))
    with engine or nullcontext(), locked(folder):
        with phase("set up"):
            context = Context(config, folder, device, store)
        facts = facts_of(context)
        if not fresh:
            facts = _continued(folder, config, facts)
        with phase("check that public data differ"):
            scored = context.scored.limit(config.limit)
            check_scored([*context.public, *context.outside], _attacks(config), scored)
        if fresh:
            discard(folder)
        with phase("journal"):
            journal = Journal(folder / JOURNAL)
        write_file(folder / SETTINGS, config.to_yaml(), ANOTHER_OUT)
        write_file(folder / environment.FILE, json.dumps(facts, indent=2), ANOTHER_OUT)
        try:
            new, old = _work(context, journal, facts, engine, share)
        finally:
            journal.close()
        statuses = rebuild_records(folder)
    return Run(folder, new, old, statuses.total(), statuses[FAILED])


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
    """Rebuild the records of an unfinished run, so that its tables show what is done so far."""
    journal, records = folder / JOURNAL, folder / "records.parquet"
    if journal.exists() and (
        not records.exists() or journal.stat().st_mtime > records.stat().st_mtime
    ):
        rebuild_records(folder)


def _attacks(config: RunConfig) -> set[str]:
    cells = [cell for cell in config.cells() if isinstance(cell, AttackCell)]
    return {cell.attack for cell in cells} - set(BARE)


def facts_of(context: Context) -> dict[str, Any]:
    """The content of ``environment.json``."""
    config = context.config
    adapted = any(cell.pipeline.adapted for cell in config.cells())
    return environment.describe(context.models.sam) | {
        "adapted_weights": context.models.adapted_label() if adapted else "",
        "dataset": context.scored.name,
        "dataset_fingerprint": context.scored.fingerprint,
        "public": _fingerprints(config.public, context.public),
        "outside": _fingerprints(config.outside, context.outside),
        "substitutes": _substitutes(context),
        "servers": list(config.remote.addresses) if config.remote else [],
    }


def _fingerprints(specs: Sequence[str], datasets: Sequence[Dataset]) -> dict[str, str]:
    return {spec: each.fingerprint for spec, each in zip(specs, datasets, strict=True)}


def _substitutes(context: Context) -> dict[str, str]:
    """Labels of the models that stand in for the run's own and for its adapted twin.

    Only where attackers who cannot query ask for them; where there is none, the reason.
    """
    cells = [
        cell
        for cell in context.config.cells()
        if isinstance(cell, AttackCell) and not cell.threat.can_query
    ]
    names = {False: "own", True: "adapted"}
    wanted = sorted({cell.pipeline.adapted for cell in cells})
    return {names[adapted]: context.models.substitute_label(adapted) for adapted in wanted}


def _continued(folder: Path, config: RunConfig, facts: dict[str, Any]) -> dict[str, Any]:
    """``facts`` with what is known of the run that ``folder`` holds; it must be the same run.

    More images or other cells may be asked for than before.
    """
    if not (folder / SETTINGS).exists():
        return facts
    names = changed(folder, config, facts)
    if names:
        raise PedbenchError(
            f"{folder} holds a run with another {', '.join(names)}: give another --out, "
            "or --fresh to discard it"
        )
    before_of = environment.read_environment(folder).get("substitutes", {})
    return {**facts, "substitutes": before_of | facts["substitutes"]}


def changed(folder: Path, config: RunConfig, facts: Mapping[str, Any]) -> list[str]:
    """What a run's settings and facts differ in from the run that ``folder`` holds, in words."""
    before, known = read_config(folder / SETTINGS), environment.read_environment(folder)
    names = [name for name in FIXED if getattr(before, name) != getattr(config, name)]
    names += [n for n in FIXED_FACTS if known.get(n, facts[n]) != facts[n]]
    before_of = known.get("substitutes", {})
    if any(before_of.get(k, v) != v for k, v in facts["substitutes"].items()):
        names.append("substitutes")
    return [name.replace("_", " ") for name in names]


def _work(
    context: Context,
    journal: Journal,
    facts: Mapping[str, Any],
    engine: Engine | None,
    share: Share | None,
) -> tuple[int, int]:
    """Get what the journal lacks; the numbers of cells × images computed and from the store."""
    config = context.config
    cells, ids = config.cells(), context.scored.ids[: config.limit]
    provenance = {name: facts[name] for name in PROVENANCE}
    keys = Keys(config, context.scored, context.attackers)
    with phase("keys"):
        sift(journal, config, keys)
    tasks = [task for image_id in ids for task in tasks_on(image_id, cells, journal, config)]
    if share is not None:
        tasks = [task for task in tasks if share.has(task)]
    results = None
    missing = _count(tasks)
    if context.store and not config.remote:
        results = CachedResults(context.store, config, context.folder, facts, keys)
        tasks = _taken(results, tasks, journal, provenance)
    pending = _count(tasks)
    total = len(cells) * len(ids) if share is None else missing
    number = {image_id: count for count, image_id in enumerate(ids, 1)}
    unreadable: set[str] = set()
    waves = Waves(context, engine)
    waves.fit(cell for task in tasks for cell in task.cells)
    keep(context.folder, context.attackers.cards(cells))
    with tqdm(total=total, initial=total - pending, unit="cell", desc="run") as bar:
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
            bar.set_postfix_str(f"image {number[image_id]}/{len(ids)} {image_id}")
            bar.update(len(done))
    return pending, missing - pending


def _taken(
    results: CachedResults, tasks: Sequence[Task], journal: Journal, provenance: Mapping[str, str]
) -> list[Task]:
    """Enter what the store has of ``tasks`` in the journal; what is left of them."""
    left: list[Task] = []
    for image_id, group in groupby(tasks, key=lambda task: task.image_id):
        units: list[Found] = []
        for task in group:
            with phase("store"):
                found = {cell_id(unit.cell): unit for unit in results.take(image_id, task.cells)}
            units.extend(found.values())
            rest = tuple(cell for cell in task.cells if cell_id(cell) not in found)
            if rest:
                left.append(Task(image_id, rest))
        if units:
            entered = units_of(results.keys, [unit.cell for unit in units], image_id)
            with phase("journal"):
                journal.append(entered, [r for unit in units for r in unit.records], provenance)
    return left


def _count(tasks: Sequence[Task]) -> int:
    return sum(len(task.cells) for task in tasks)
