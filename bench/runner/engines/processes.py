"""Processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized

import torch

from bench.runner.engines.base import Answer, Engine
from framework.compute.devices import VISIBLE


class Processes(Engine):
    """Processes of this machine, started when the first unit is given out.

    Args:
        count: how many.
        gpus: one for each, as ``CUDA_VISIBLE_DEVICES`` names them; none where they compute on CPUs.
    """

    remote = False
    gives_out_again = False

    def __init__(self, count: int, gpus: Sequence[str] = ()) -> None:
        self.count = count
        self.gpus = gpus
        self._pool: ProcessPoolExecutor | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._others: set[BaseProcess] = set()
        self._workers: set[BaseProcess] = set()

    @property
    def slots(self) -> int:
        return self.count

    def submit(self, work: Callable[..., Answer], *arguments: object) -> Future[Answer]:
        if self._pool is None:
            self._others = set(multiprocessing.active_children())
            spawn = multiprocessing.get_context("spawn")
            self._temporary = tempfile.TemporaryDirectory(prefix="pedbench-workers-")
            given = spawn.Value("i", 0), self.gpus, self._temporary.name
            self._pool = ProcessPoolExecutor(self.count, spawn, _start_process, given)
        try:
            future: Future[Answer] = self._pool.submit(work, *arguments)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        self._workers |= set(multiprocessing.active_children()) - self._others
        return future

    def death(self, error: BaseException) -> str | None:
        if not isinstance(error, BrokenProcessPool):
            return None
        if self._pool is not None:
            self._end(self._pool)
            self._words = _last_words(self._workers)
            self._workers = set()
        return self._words

    def close(self, at_once: bool) -> None:
        if self._pool is None:
            return
        if at_once:
            for worker in set(multiprocessing.active_children()) - self._others:
                worker.terminate()
        self._end(self._pool)

    def _end(self, pool: ProcessPoolExecutor) -> None:
        """Wait for all processes, and take away what those that were killed left behind."""
        pool.shutdown(cancel_futures=True)
        self._pool = None
        if self._temporary is not None:
            self._temporary.cleanup()


def _last_words(workers: set[BaseProcess]) -> str:
    """How workers ended that were not merely told to, and the most memory that any took."""
    for worker in workers:
        worker.join(1)
    codes = {worker.exitcode for worker in workers if worker.exitcode}
    told = {-signal.SIGTERM} if len(codes) > 1 else set()
    ends = ", ".join(sorted(_end(code) for code in codes - told if code is not None))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
    return f"{ends or 'no exit code'}; the largest process so far took {peak:.0f} MiB"


def _end(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _start_process(started: Synchronized[int], gpus: Sequence[str], temporary: str) -> None:
    """A worker process ends with its driver, leaves Ctrl-C to it, and has a GPU of its own.

    Args:
        started, gpus: as in `take_gpu`.
        temporary: the folder of its temporary files, which the driver deletes.
    """
    take_gpu(started, gpus)
    tempfile.tempdir = temporary
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    torch.set_num_threads(1)


def take_gpu(started: Synchronized[int], gpus: Sequence[str]) -> None:
    """Let this process see one GPU only: the next one that no process has taken.

    Args:
        started: how many processes took theirs before.
    """
    if gpus:
        with started.get_lock():
            os.environ[VISIBLE] = gpus[started.value % len(gpus)]
            started.value += 1


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)
        os._exit(1)
