"""Units a minute by engine and number of workers, and what an engine adds to the serial run.

    python -m studies.throughput --preset quick --limit 4 --out throughput.csv

A unit is one pipeline on one image. Attackers are fitted beforehand and nothing comes from the
store, so that only the second wave is measured; the start of the workers is part of it. Needs the
extra `dask`, an idle machine, and as many cores as workers.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import distributed
import pandas as pd

from bench.flags.arguments import positive_int
from bench.runner.run import run
from bench.spec.config import RunConfig, load_preset

SERIAL, LOCAL, DASK = "serial", "local", "dask"


def measured(config: RunConfig, engine: str, workers: int, folder: Path) -> dict[str, object]:
    """One run: engine, workers, units, cells, seconds, and both by the minute."""
    with _executor(engine, workers) as address:
        start = time.perf_counter()
        result = run(config, folder, device="cpu", workers=workers, executor=address)
        seconds = time.perf_counter() - start
    pipelines = {cell.pipeline for cell in config.cells()}
    units = len(pipelines) * result.records["image_id"].nunique()
    return {
        "engine": engine,
        "workers": workers,
        "units": units,
        "cells": result.new_units,
        "seconds": round(seconds, 2),
        "units_per_minute": round(60 * units / seconds, 2),
        "cells_per_minute": round(60 * result.new_units / seconds, 1),
    }


class _executor:
    """The name of an engine; a Dask cluster of this machine lives as long as the block."""

    def __init__(self, engine: str, workers: int) -> None:
        self.cluster = None
        if engine == DASK:
            self.cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None
            )

    def __enter__(self) -> str | None:
        if self.cluster is None:
            return None
        return "dask://" + self.cluster.scheduler_address.removeprefix("tcp://")

    def __exit__(self, *_: object) -> None:
        if self.cluster is not None:
            self.cluster.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--limit", type=positive_int, default=4, help="images")
    parser.add_argument("--workers", type=positive_int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=positive_int, default=3)
    parser.add_argument("--out", type=Path, default=Path("throughput.csv"))
    args = parser.parse_args(arguments)
    config = dataclasses.replace(load_preset(args.preset), limit=args.limit, pictures=())
    cases = [(SERIAL, 1)]
    for workers in args.workers:
        cases += [(LOCAL, workers)] if workers > 1 else []
        cases.append((DASK, workers))
    rows = []
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("PEDBENCH_CACHE", f"{home}/cache")
        one = dataclasses.replace(config, limit=1)
        run(one, Path(home) / "fit", device="cpu", workers=1)
        for repeat in range(args.repeats):
            for engine, workers in cases:
                folder = Path(home) / f"{engine}-{workers}-{repeat}"
                rows.append(measured(config, engine, workers, folder))
                pd.DataFrame(rows).to_csv(args.out, index=False)
    table = pd.DataFrame(rows).groupby(["engine", "workers"])["units_per_minute"].median()
    ideal = table[SERIAL, 1]
    for (engine, workers), rate in table.items():
        overhead = 1 - rate / (ideal * workers)
        print(f"{engine:<7} {workers:>2} workers  {rate:8.2f} units/min  overhead {overhead:6.1%}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
