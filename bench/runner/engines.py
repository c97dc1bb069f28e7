"""Engines: executors of `concurrent.futures` that compute the units of a run.

What differs between them is how a worker starts, how its death shows, and whether it shares the
driver's files. All else lies above, in `bench.runner.waves`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, TypeVar

import torch

from framework.compute.allocator import keep_freed_memory
from framework.errors import PedbenchError

Answer = TypeVar("Answer")

DASK = "dask://"
CONNECT_S = 20
USAGE = "give processes, or dask://HOST:PORT of a Dask scheduler"


class Engine(ABC):
    """Where units are computed.

    Attributes:
        remote: whether its workers may lack the files of this machine.
        gives_out_again: whether a unit comes back as dead only after several workers died with it.
    """

    remote: bool
    gives_out_again: bool

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many units are computed at once."""

    @abstractmethod
    def submit(self, work: Callable[..., Answer], *arguments: object) -> Future[Answer]:
        """Give out a unit; a worker that died before shows in the future."""

    @abstractmethod
    def death(self, error: BaseException) -> str | None:
        """What is known of the worker that died, or ``None`` where ``error`` says something else.

        The engine can be used again afterwards.
        """

    @abstractmethod
    def close(self, at_once: bool) -> None:
        """Let the workers go; with ``at_once`` they are ended in the middle of their units."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(at_once=error is not None)


class Processes(Engine):
    """Processes of this machine, started when the first unit is given out.

    Args:
        count: how many.
    """

    remote = False
    gives_out_again = False

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        self._others: set[BaseProcess] = set()
        self._workers: set[BaseProcess] = set()

    @property
    def slots(self) -> int:
        return self.count

    def submit(self, work: Callable[..., Answer], *arguments: object) -> Future[Answer]:
        if self._pool is None:
            self._others = set(multiprocessing.active_children())
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.count, spawn, _start_process)
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
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
            self._words = _last_words(self._workers)
            self._workers = set()
        return self._words

    def close(self, at_once: bool) -> None:
        if self._pool is None:
            return
        if at_once:
            for worker in set(multiprocessing.active_children()) - self._others:
                worker.terminate()
        self._pool.shutdown(cancel_futures=True)


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


def _start_process() -> None:
    """A worker process ends with its driver, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    torch.set_num_threads(1)
    keep_freed_memory()


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)


class DaskCluster(Engine):
    """The workers of a Dask cluster, on any machines.

    A unit whose worker died is given out again by the scheduler, up to its setting
    ``distributed.scheduler.allowed-failures``.

    Args:
        address: of the scheduler, ``HOST:PORT``.

    Raises:
        PedbenchError: Dask is not installed; no scheduler answers; it has no workers.
    """

    remote = True
    gives_out_again = True

    def __init__(self, address: str) -> None:
        try:
            # Not all installations have it.
            import distributed
        except ImportError as error:
            raise PedbenchError(
                "Dask is not installed: pip install 'pedbench[dask]', or leave --executor out"
            ) from error
        self._killed: Any = distributed.KilledWorker
        try:
            self.client = distributed.Client(
                f"tcp://{address}", timeout=CONNECT_S, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise PedbenchError(
                f"no Dask scheduler answers at {address}: start one with 'dask scheduler'"
            ) from error
        self._executor: Executor = self.client.get_executor(pure=False)
        if not self.slots:
            self.close(at_once=True)
            raise PedbenchError(
                f"the Dask scheduler at {address} has no workers: start some with "
                f"'dask worker {address} --nthreads 1'"
            )

    @property
    def slots(self) -> int:
        return sum(self.client.nthreads().values())

    def submit(self, work: Callable[..., Answer], *arguments: object) -> Future[Answer]:
        return self._executor.submit(work, *arguments)

    def death(self, error: BaseException) -> str | None:
        if isinstance(error, CancelledError):
            raise PedbenchError(
                "the Dask scheduler is gone; what is done is kept: run again to go on"
            ) from error
        if not isinstance(error, self._killed):
            return None
        worker = getattr(error, "last_worker", None)
        memory = getattr(worker, "memory_limit", None)
        limit = f", which may take {memory / 2**20:.0f} MiB" if memory else ""
        return f"the last was {getattr(worker, 'address', 'unknown')}{limit}"

    def close(self, at_once: bool) -> None:
        with contextlib.suppress(Exception):
            self._executor.shutdown(wait=False)
            self.client.close(timeout=5)


def open_engine(name: str | None, workers: int) -> Engine | None:
    """The engine of this name; ``None`` where this process computes by itself.

    Args:
        name: ``processes``, which is the default, or ``dask://HOST:PORT``.
        workers: number of processes.

    Raises:
        PedbenchError: no such engine; see also `DaskCluster`.
    """
    if name is not None and name.startswith(DASK):
        return DaskCluster(name.removeprefix(DASK))
    if name not in (None, "processes"):
        raise PedbenchError(f"executor '{name}' is not known: {USAGE}")
    return Processes(workers) if workers > 1 else None
