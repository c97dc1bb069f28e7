"""Units a minute by engine and number of workers, and what an engine adds to the serial run.

    python -m studies.throughput --limit 2 --out throughput.csv

A unit is one pipeline on one image. Attackers are fitted beforehand and nothing comes from the
store, so that only the second wave is measured. Attacks that take minutes to train are left out.
The start of the workers is measured apart: it is the same for any number of images. Needs the
extra `dask`, an idle machine, and as many cores as workers. About 7 minutes on two cores.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from pathlib import Path
from unittest.mock import patch

import distributed
import pandas as pd

from bench.cli.run import only_attacks
from bench.flags.arguments import positive_int
from bench.runner.context import Context
from bench.runner.engines import open_engine
from bench.runner.run import run
from bench.runner.units.waves import Waves
from bench.runner.units.worker import code_here
from bench.spec.config import RunConfig, load_preset

SERIAL, LOCAL, DASK = "serial", "local", "dask"
CASES = [(SERIAL, 1), (LOCAL, 1), (LOCAL, 2), (DASK, 1), (DASK, 2)]
SLOW_TO_TRAIN = frozenset({"conv_decoder"})


def measured(config: RunConfig, name: str, workers: int, folder: Path) -> dict[str, object]:
    """One run: engine, workers, units, and seconds, apart from those that workers take to start."""
    with executor(name, workers) as address:
        start = time.perf_counter()
        engine = open_engine(address, workers)
        if engine is not None:
            wait([engine.submit(code_here) for _ in range(workers)])
        started = time.perf_counter()
        with patch("bench.runner.run.open_engine", return_value=engine):
            result = run(config, folder, device="cpu", workers=workers)
        ended = time.perf_counter()
    pipelines = {cell.pipeline for cell in config.cells()}
    units = len(pipelines) * result.records["image_id"].nunique()
    return {
        "engine": name,
        "workers": workers,
        "units": units,
        "start_seconds": round(started - start, 2),
        "seconds": round(ended - started, 2),
        "units_per_minute": round(60 * units / (ended - started), 2),
    }


@contextlib.contextmanager
def executor(engine: str, workers: int) -> Iterator[str | None]:
    """The name of an engine; a Dask cluster of this machine lives as long as the block."""
    if engine != DASK:
        yield None if engine == SERIAL else "processes"
        return
    options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        yield "dask://" + cluster.scheduler_address.removeprefix("tcp://")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--limit", type=positive_int, default=2, help="images")
    parser.add_argument("--repeats", type=positive_int, default=1)
    parser.add_argument("--out", type=Path, default=Path("throughput.csv"))
    args = parser.parse_args(arguments)
    config = dataclasses.replace(load_preset(args.preset), limit=args.limit, pictures=())
    asked = {name for group in config.groups for name in group.attack_names()}
    config = only_attacks(config, tuple(sorted(asked - SLOW_TO_TRAIN)))
    rows = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["PEDBENCH_CACHE"] = f"{home}/cache"
        context = Context(config, Path(home), "cpu")
        list(Waves(context).fit(context.attackers.untrained(config.cells())))
        for repeat in range(args.repeats):
            for engine, workers in CASES:
                folder = Path(home) / f"{engine}-{workers}-{repeat}"
                rows.append(measured(config, engine, workers, folder))
                pd.DataFrame(rows).to_csv(args.out, index=False)
    table = pd.DataFrame(rows).groupby(["engine", "workers"], sort=False).median()
    ideal = table.loc[(SERIAL, 1), "units_per_minute"]
    for (engine, workers), row in table.iterrows():
        ratio = row["units_per_minute"] / (ideal * workers)
        print(
            f"{engine:<7} {workers} workers {row['units_per_minute']:8.2f} units/min, "
            f"{ratio:.3f} of serial times workers; start {row['start_seconds']:.1f} s"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
