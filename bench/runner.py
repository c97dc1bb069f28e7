"""`run`: every cell on every image, journalled, resumable."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from bench import environment
from bench.config import RunConfig, read_config
from bench.datasets.disjoint import check_disjoint
from bench.pipelines import NotAdapted
from bench.records import PROVENANCE, Journal, read_journal, to_frame, write_records
from bench.scenario import Cell, cell_id
from bench.workbench import Task, Workbench, compute, default_workers, is_unreadable
from framework.errors import PedbenchError

FIXED = (
    "model",
    "checkpoint",
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
        records: all of its records.
        new_units: cells × images computed this time.
    """

    folder: Path
    records: pd.DataFrame
    new_units: int


def run(
    config: RunConfig, folder: Path, *, device: str | None = None, workers: int | None = None
) -> Run:
    """Carry out ``config`` in ``folder``, continuing what is there.

    Args:
        config: what to measure.
        folder: the run folder, made if it is missing.
        device: ``cpu`` or ``cuda``; CUDA where there is one unless given.
        workers: processes that share the work; see `default_workers` unless given.

    Raises:
        PedbenchError: bad configuration; missing data; ``folder`` holds another run; public and
            scored images overlap.
    """
    config.check()
    device = device or default_device()
    bench = Workbench(config, folder, device)
    facts = environment.describe(bench.models.sam) | {
        "adapted_weights": _adapted_weights(bench),
        "dataset": bench.scored.name,
        "dataset_fingerprint": bench.scored.fingerprint,
        "public": {dataset.name: dataset.fingerprint for dataset in bench.public},
        "outside": {dataset.name: dataset.fingerprint for dataset in bench.outside},
        "servers": list(config.remote.addresses) if config.remote else [],
    }
    _claim(folder, config, facts)
    check_disjoint([*bench.public, *bench.outside], bench.scored.limit(config.limit))
    journal = Journal(folder / "journal.jsonl")
    try:
        count = _work(bench, journal, facts, workers or default_workers(config, device))
    finally:
        journal.close()
    return Run(folder, rebuild_records(folder), count)


def default_device() -> str:
    """CUDA where there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def rebuild_records(folder: Path) -> pd.DataFrame:
    """Write ``records.parquet`` from the journal."""
    frame = to_frame(read_journal(folder / "journal.jsonl"))
    write_records(frame, folder)
    return frame


def refresh_records(folder: Path) -> None:
    """Rebuild the records of an unfinished run, so that its tables show what is done so far."""
    journal, records = folder / "journal.jsonl", folder / "records.parquet"
    if journal.exists() and (
        not records.exists() or journal.stat().st_mtime > records.stat().st_mtime
    ):
        rebuild_records(folder)


def _adapted_weights(bench: Workbench) -> str:
    """Label of the adapted twin's weights; empty if no pipeline asks for it or there is none."""
    if any(cell.pipeline.adapted for cell in bench.config.cells()):
        with contextlib.suppress(NotAdapted):
            return environment.weights_label(bench.models.get(adapted=True))
    return ""


def _claim(folder: Path, config: RunConfig, facts: Mapping[str, Any]) -> None:
    """Make the run folder, or check that what it holds can be continued.

    More images or other cells may be asked for than before; what is done stays done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings, environment_file = folder / "config.yaml", folder / "environment.json"
    if settings.exists():
        before = read_config(settings)
        changed = [name for name in FIXED if getattr(before, name) != getattr(config, name)]
        if environment_file.exists():
            known = json.loads(environment_file.read_text())
            changed += [n for n in FIXED_FACTS if known.get(n, facts[n]) != facts[n]]
        if changed:
            names = ", ".join(name.replace("_", " ") for name in changed)
            raise PedbenchError(
                f"{folder} holds a run with another {names}: give another --out, "
                "or --fresh to discard it"
            )
    settings.write_text(config.to_yaml())
    environment_file.write_text(json.dumps(facts, indent=2))


def _work(bench: Workbench, journal: Journal, facts: Mapping[str, Any], workers: int) -> int:
    """Compute what the journal lacks; the number of cells × images computed."""
    cells = bench.config.cells()
    ids = bench.scored.ids[: bench.config.limit]
    provenance = {name: facts[name] for name in PROVENANCE}
    tasks = [task for image_id in ids for task in _tasks(image_id, cells, journal)]
    pending = sum(len(task.cells) for task in tasks)
    bench.attackers.prepare(cell for task in tasks for cell in task.cells)
    total = len(cells) * len(ids)
    unreadable: set[str] = set()
    with tqdm(total=total, initial=total - pending, unit="cell", desc="run") as bar:
        for image_id, done, records in compute(bench, tasks, workers):
            if image_id in unreadable:
                records = []
            elif is_unreadable(records):
                unreadable.add(image_id)
            journal.append([unit_id(cell, image_id) for cell in done], records, provenance)
            bar.set_postfix_str(f"image {ids.index(image_id) + 1}/{len(ids)} {image_id}")
            bar.update(len(done))
    return pending


def _tasks(image_id: str, cells: Sequence[Cell], journal: Journal) -> Iterator[Task]:
    """What is left to do on an image, pipeline by pipeline."""
    left = [cell for cell in cells if unit_id(cell, image_id) not in journal.done]
    left.sort(key=lambda cell: repr(cell.pipeline))
    for _, group in groupby(left, key=lambda cell: cell.pipeline):
        yield Task(image_id, tuple(group))


def unit_id(cell: Cell, image_id: str) -> str:
    """The journal's name for one cell on one image."""
    return f"{cell_id(cell)}:{image_id}"
