"""Engines, which compute the units of a run, by name."""

from __future__ import annotations

from bench.runner.engines.base import Engine
from bench.runner.engines.dask_cluster import DaskCluster
from bench.runner.engines.processes import Processes
from framework.compute.devices import CUDA, gpus
from framework.errors import PedbenchError

__all__ = ["DaskCluster", "Engine", "Processes", "open_engine"]

DASK = "dask://"
USAGE = "give processes, or dask://HOST:PORT of a Dask scheduler"


def open_engine(name: str | None, workers: int, device: str = "cpu") -> Engine | None:
    """The engine of this name; ``None`` where this process computes by itself.

    Args:
        name: ``processes`` or ``dask://HOST:PORT``; processes unless given, or this one where there
            is one worker.
        workers: number of processes.
        device: where they compute; each has a GPU of its own.

    Raises:
        PedbenchError: no such engine; see also `DaskCluster`.
    """
    if name is not None and name.startswith(DASK):
        return DaskCluster(name.removeprefix(DASK))
    if name not in (None, "processes"):
        raise PedbenchError(f"executor '{name}' is not known: {USAGE}")
    if name is None and workers == 1:
        return None
    return Processes(workers, gpus() if device == CUDA else ())
