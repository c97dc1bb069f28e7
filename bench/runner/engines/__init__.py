"""Engines, which compute the units of a run, by name."""

from __future__ import annotations

from bench.runner.engines.base import Engine
from bench.runner.engines.dask_cluster import DaskCluster
from bench.runner.engines.processes import Processes
from framework.errors import PedbenchError

__all__ = ["DaskCluster", "Engine", "Processes", "open_engine"]

DASK = "dask://"
USAGE = "give processes, or dask://HOST:PORT of a Dask scheduler"


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
