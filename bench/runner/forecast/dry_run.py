"""What a run would do, found out without doing any of it."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cache.keys import Keys
from bench.cache.results import CachedResults
from bench.cache.store import Store
from bench.runner.checks import checked, prepared
from bench.runner.context import Task
from bench.runner.engines import open_engine
from bench.runner.folder.journal import JOURNAL, read_units
from bench.runner.folder.lock import closest, refuse_unwritable
from bench.runner.forecast.forecast import Forecast, duration, few, forecast_of
from bench.runner.units.resume import count_cells, holds, tasks_left
from bench.runner.units.share import Share
from bench.spec.config import RunConfig
from bench.words import plural
from framework.models.build import RANDOM
from framework.models.checkpoint import must_download


@dataclass(frozen=True)
class DryRun:
    """What a run would do.

    Attributes:
        folder: of the run.
        cells: of the preset, for one image.
        finished: cells × images in the run folder that still hold.
        stored: cells × images that the store has.
        forecast: of what is left.
        store: that grows with the run.
        to_download: the model whose weights the run downloads first, if any.
    """

    folder: Path
    cells: int
    finished: int
    stored: int
    forecast: Forecast
    store: Store | None
    to_download: str | None = None

    def text(self) -> str:
        """As it is printed."""
        left, here = self.forecast, closest(self.folder)
        names = Counter(cell.attack for cell in left.trained)
        which = few([f"{name} {count}" for name, count in sorted(names.items())])
        limit = self.store.limit if self.store else 0
        rows = {
            "cells": f"{self.cells} x {plural(left.images, 'image')} = {self.cells * left.images}",
            "finished": f"{self.finished} in {self.folder}, {self.stored} in the store",
            "to compute": f"{left.cells} in {plural(len(left.tasks), 'unit')} "
            "(one pipeline on one image)",
            "attackers": f"{len(left.trained)} to fit{': ' * bool(which)}{which}",
            "disk": f"about {left.bytes / 1e6:.1f} MB in {self.folder} "
            f"({shutil.disk_usage(here).free / 1e9:.1f} GB free), "
            f"store up to {limit / 1e9:.1f} GB",
            "time": f"{left.how_long} with {plural(left.workers, 'worker')}: "
            f"attackers {duration(left.attackers_s)}, cells {duration(left.cells_s)}, "
            f"the rest {duration(left.seconds - left.attackers_s - left.cells_s)}",
            "": left.basis,
        }
        if self.to_download:
            rows["weights"] = (
                f"the run downloads those of {self.to_download} first; without them "
                "no finished or stored cell is found"
            )
        return "\n".join(f"{name:<11} {text}" for name, text in rows.items())


def dry_run(
    config: RunConfig,
    folder: Path,
    *,
    device: str | None = None,
    workers: int | None = None,
    store: Store | None = None,
    fresh: bool = False,
    executor: str | None = None,
    share: Share | None = None,
) -> DryRun:
    """What `bench.runner.run.run` would do with the same arguments; the folder stays as it is.

    Nothing is downloaded: random weights stand in for a model that is not there yet.

    Raises:
        PedbenchError: as it does.
    """
    absent = must_download(config.model, config.checkpoint)
    if absent:
        config, fresh = replace(config, checkpoint=RANDOM), True
    device, workers = checked(config, device, workers)
    refuse_unwritable(folder)
    engine = open_engine(executor, workers, device)
    with engine or nullcontext():
        context, facts = prepared(config, folder, device, store, fresh)
        keys = Keys(config, context.scored, context.attackers)
        units = {} if fresh else read_units(folder / JOURNAL)
        done = {name: unit for name, unit in units.items() if holds(unit, keys)}
        tasks = left = tasks_left(context, done, share)
        if store is not None and not config.remote:
            results = CachedResults(store, config, folder, facts, keys)
            left = [rest for task in tasks if (rest := _without(results, task)).cells]
        forecast = forecast_of(context, left, engine)
    asked = count_cells(tasks_left(context, {}, share))
    return DryRun(
        folder,
        len(config.cells()),
        asked - count_cells(tasks),
        count_cells(tasks) - forecast.cells,
        forecast,
        store,
        config.model if absent else None,
    )


def _without(results: CachedResults, task: Task) -> Task:
    """A task without the cells that the store has."""
    stored = {cell.id for cell in results.has(task.image_id, task.cells)}
    return Task(task.image_id, tuple(c for c in task.cells if c.id not in stored))
