"""A run's work, shared among processes: attackers are trained, then cells are computed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import torch
from tqdm import tqdm

from bench.cache.store import Store
from bench.runner.context import Context, Result, Task
from bench.runner.evaluate import Evaluator
from bench.runner.phases import WATCH, Spent, Times, phase
from bench.runner.pipelines import Unsupported
from bench.spec.cells import AttackCell, Cell
from bench.spec.config import RunConfig
from framework.allocator import keep_freed_memory
from framework.errors import PedbenchError
from framework.finite import NotFinite

REST = "rest of the cells"
"""Time spent on cells outside any named phase."""

Job = TypeVar("Job")
Answer = TypeVar("Answer")


class Executors:
    """This process, or several that are started when there is work for more than one.

    Args:
        context: of this process; others build the same.
        count: processes that share the work.
    """

    def __init__(self, context: Context, count: int) -> None:
        self.context = context
        self.evaluator = Evaluator(context)
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        self._others: set[BaseProcess] = set()

    def __enter__(self) -> Executors:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is None:
            return
        if error is not None:
            for worker in set(multiprocessing.active_children()) - self._others:
                worker.terminate()
        self._pool.shutdown(cancel_futures=True)

    def train(self, cells: Iterable[Cell]) -> None:
        """Train every attacker that ``cells`` need and the cache lacks, with a progress bar."""
        missing = self.context.attackers.untrained(cells)
        with tqdm(
            total=len(missing), desc="attackers", unit="attacker", disable=not missing
        ) as bar:
            for _ in self._carry_out(_train, _trained, missing):
                bar.update()
        self.context.attackers.photos.forget()

    def compute(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results of all tasks as they come; the attackers must be trained."""
        return self._carry_out(_named, _computed, tasks)

    def _carry_out(
        self,
        here: Callable[[Evaluator, Job], Iterator[Answer]],
        there: Callable[[Job], tuple[list[Answer], Times]],
        jobs: Sequence[Job],
    ) -> Iterator[Answer]:
        if self.count == 1 or (len(jobs) < 2 and self._pool is None):
            for job in jobs:
                yield from here(self.evaluator, job)
            return
        if self._pool is None:
            self._pool = self._start()
        try:
            for answers, times in _as_they_come(self._pool, there, jobs, 2 * self.count):
                WATCH.add(times)
                yield from answers
        except BrokenProcessPool as error:
            raise PedbenchError(
                "a worker process was killed, perhaps for want of memory; what is done is kept: "
                "run again to go on, with fewer --workers if memory is short"
            ) from error

    def _start(self) -> ProcessPoolExecutor:
        context = self.context
        contents = context.attackers.photos.contents
        given = context.config, context.folder, context.device, context.store, contents
        self._others = set(multiprocessing.active_children())
        return ProcessPoolExecutor(
            self.count,
            multiprocessing.get_context("spawn"),
            _start_worker,
            (*given, time.time()),
        )


def _as_they_come(
    pool: ProcessPoolExecutor, work: Callable[[Job], Answer], jobs: Iterable[Job], ahead: int
) -> Iterator[Answer]:
    """Results of ``work`` on all jobs, of which ``ahead`` are under way or wait for a worker."""
    left = iter(jobs)
    running: set[Future[Answer]] = set()
    while True:
        running.update(pool.submit(work, job) for job in islice(left, ahead - len(running)))
        if not running:
            return
        with phase("wait for workers"):
            done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def _train(evaluator: Evaluator, cell: AttackCell) -> Iterator[AttackCell]:
    attackers = evaluator.context.attackers
    try:
        attackers.get(cell)
    except (Unsupported, NotFinite):
        pass
    except Exception:
        if not attackers.broken(cell):
            raise
    yield cell


def _named(evaluator: Evaluator, task: Task) -> Iterator[Result]:
    """Results of a task, with what no phase within them names as a phase of its own."""
    evaluator.context.attackers.photos.forget()
    results = evaluator.results(task)
    while True:
        with phase(REST):
            result = next(results, None)
        if result is None:
            return
        yield result


_evaluator: Evaluator | PedbenchError


def _start_worker(
    config: RunConfig,
    folder: Path,
    device: str,
    store: Store | None,
    contents: Mapping[str, str],
    called: float,
) -> None:
    global _evaluator
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    torch.set_num_threads(1)
    keep_freed_memory()
    try:
        _evaluator = Evaluator(Context(config, folder, device, store, contents))
    except PedbenchError as error:
        _evaluator = error
    WATCH.start("workers idle")
    WATCH.add({"start workers": Spent(time.time() - called, 1)})


def _end_with_driver() -> None:
    """Leave no worker behind where the driver was killed."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)


def _here() -> Evaluator:
    if isinstance(_evaluator, PedbenchError):
        raise _evaluator
    return _evaluator


def _trained(cell: AttackCell) -> tuple[list[AttackCell], Times]:
    return list(_train(_here(), cell)), WATCH.drain()


def _computed(task: Task) -> tuple[list[Result], Times]:
    return list(_named(_here(), task)), WATCH.drain()
