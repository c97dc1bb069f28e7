"""The workers of a Dask cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

from bench.runner.engines.base import Answer, Engine
from framework.errors import PedbenchError

CONNECT_S = 20
LARGE_GRAPH = "distributed.admin.large-graph-warning-threshold"
"""Dask warns of units that bring files above this size; weights are such files."""


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
            import dask  # not all installations have it
            import distributed  # nor this
        except ImportError as error:
            raise PedbenchError(
                "Dask is not installed: pip install 'pedbench[dask]', or leave --executor out"
            ) from error
        dask.config.set({LARGE_GRAPH: "1TB"})
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
