"""A run's work, shared among processes: attackers are trained, then cells are computed."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.pool import Pool
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import torch
from tqdm import tqdm

from bench.config import RunConfig
from bench.pipelines import Unsupported
from bench.profile import WATCH, Spent, Times, phase
from bench.scenario import Cell, Watch
from bench.store import Store
from bench.workbench import Result, Task, Workbench
from framework.allocator import keep_freed_memory
from framework.finite import NotFinite

REST = "rest of the cells"
"""The phase of what computing cells takes beside all phases of their own."""

Job = TypeVar("Job")
Answer = TypeVar("Answer")


class Crew:
    """This process, or several that are started when there is work for more than one.

    Args:
        bench: of this process; others build the same.
        count: processes that share the work.
    """

    def __init__(self, bench: Workbench, count: int) -> None:
        self.bench = bench
        self.count = count
        self._pool: Pool | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()

    def train(self, cells: Iterable[Cell]) -> None:
        """Train every attacker that ``cells`` need and the cache lacks, with a progress bar."""
        missing = self.bench.attackers.untrained(cells)
        with tqdm(
            total=len(missing), desc="attackers", unit="attacker", disable=not missing
        ) as bar:
            for _ in self._carry_out(_train, _trained, missing):
                bar.update()
        self.bench.attackers.photos.forget()

    def compute(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results of all tasks as they come; the attackers must be trained."""
        return self._carry_out(_named, _computed, tasks)

    def _carry_out(
        self,
        here: Callable[[Workbench, Job], Iterator[Answer]],
        there: Callable[[Job], tuple[list[Answer], Times]],
        jobs: Sequence[Job],
    ) -> Iterator[Answer]:
        if self.count == 1 or (len(jobs) < 2 and self._pool is None):
            for job in jobs:
                yield from here(self.bench, job)
            return
        if self._pool is None:
            self._pool = self._start()
        found = self._pool.imap_unordered(there, jobs)
        while True:
            with phase("wait for workers"):
                answers, times = next(found, (None, {}))
            if answers is None:
                return
            WATCH.add(times)
            yield from answers

    def _start(self) -> Pool:
        bench = self.bench
        arguments = bench.config, bench.folder, bench.device, bench.store, time.time()
        context = multiprocessing.get_context("spawn")
        return context.Pool(self.count, _start_worker, arguments)


def _train(bench: Workbench, cell: Watch) -> Iterator[Watch]:
    with contextlib.suppress(Unsupported, NotFinite):
        bench.attackers.get(cell)
    yield cell


def _named(bench: Workbench, task: Task) -> Iterator[Result]:
    """Results of a task, with what no phase within them names as a phase of its own."""
    bench.attackers.photos.forget()
    results = bench.results(task)
    while True:
        with phase(REST):
            result = next(results, None)
        if result is None:
            return
        yield result


_bench: Workbench


def _start_worker(
    config: RunConfig, folder: Path, device: str, store: Store | None, called: float
) -> None:
    global _bench
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    keep_freed_memory()
    _bench = Workbench(config, folder, device, store)
    WATCH.start("workers idle")
    WATCH.add({"start workers": Spent(time.time() - called, 1)})


def _trained(cell: Watch) -> tuple[list[Watch], Times]:
    return list(_train(_bench, cell)), WATCH.drain()


def _computed(task: Task) -> tuple[list[Result], Times]:
    return list(_named(_bench, task)), WATCH.drain()
