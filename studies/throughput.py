"""What an engine adds to a run: seconds that each unit costs, apart from those that a run costs.

    python -m studies.throughput --limits 1 2 --out throughput.csv

Each case is `pedbench run` in processes of its own, once for each number of images. Seconds grow
with the units (one pipeline on one image): the slope is what a unit costs. All else is fixed:
imports, models of driver and workers, records, report. The yardstick is the serial run, alone for
one worker, and as many of them side by side for several. Attackers are fitted beforehand in a new
cache, nothing comes from the store, and attacks that take minutes to train are left out. Processor
seconds hold on a busy machine too. Wall seconds need an idle one, with as many cores as workers.
Needs the extra `dask`. About 8 minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import distributed
import numpy as np
import pandas as pd

from bench.cli.run import only_attacks
from bench.datasets import open_dataset
from bench.flags.arguments import positive_int
from bench.spec.config import load_preset
from studies.costs import cost, pedbench

SERIAL, LOCAL, DASK = "serial", "local", "dask"
CASES = [(SERIAL, 1), (LOCAL, 1), (DASK, 1), (SERIAL, 2), (LOCAL, 2), (DASK, 2)]
"""Engines and workers; two serial workers are two runs side by side, each of all units."""
SLOW_TO_TRAIN = frozenset({"conv_decoder"})


def measured(
    engine: str, workers: int, images: int, flags: Sequence[str], home: Path
) -> dict[str, object]:
    """Wall and processor seconds of one case; a cluster's start counts for processors alone."""
    with cost() as all_of_it, words_of(engine, workers) as words, cost() as runs:
        command = ["run", *flags, *words, "--limit", str(images), "--out"]
        drivers = workers if engine == SERIAL else 1
        pedbench(*([*command, str(home / str(number))] for number in range(drivers)))
    return {
        "engine": engine,
        "workers": workers,
        "images": images,
        "seconds": runs.seconds,
        "processor_seconds": all_of_it.processor_seconds,
    }


@contextlib.contextmanager
def words_of(engine: str, workers: int) -> Iterator[list[str]]:
    """The flags of an engine; a Dask cluster of this machine lives as long as the block."""
    if engine == SERIAL:
        yield ["--workers", "1"]
    elif engine == LOCAL:
        yield ["--executor", "processes", "--workers", str(workers)]
    else:
        options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**options) as cluster:
            yield ["--executor", "dask://" + cluster.scheduler_address.removeprefix("tcp://")]


def slopes(rows: pd.DataFrame, pipelines: int) -> pd.DataFrame:
    """Seconds that a unit costs and those that a run costs, by engine and number of workers.

    Args:
        rows: of `measured`, for two numbers of images or more.
        pipelines: units of one image.

    Returns:
        ``unit_s`` and ``run_s`` by the clock, ``unit_processor_s`` by processors, and
        ``wall_overhead`` and ``processor_overhead``: what the engine adds to a unit, as a share of
        the yardstick's.
    """
    found = []
    for (engine, workers), case in rows.groupby(["engine", "workers"], sort=False):
        runs = int(case["workers"].iloc[0]) if engine == SERIAL else 1
        units = case["images"] * pipelines * runs
        wall, fixed = np.polyfit(units, case["seconds"], 1)
        processor, _ = np.polyfit(units, case["processor_seconds"], 1)
        found.append((engine, workers, wall, fixed, processor))
    names = ["engine", "workers", "unit_s", "run_s", "unit_processor_s"]
    table = pd.DataFrame(found, columns=names).set_index(["engine", "workers"])
    yardstick = table.loc[SERIAL].reindex(table.index.get_level_values("workers")).to_numpy()
    table["wall_overhead"] = table["unit_s"] / yardstick[:, 0] - 1
    table["processor_overhead"] = table["unit_processor_s"] / yardstick[:, 2] - 1
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--limits", type=positive_int, nargs="+", default=[1, 2], help="images")
    parser.add_argument("--repeats", type=positive_int, default=1)
    parser.add_argument("--out", type=Path, default=Path("throughput.csv"))
    args = parser.parse_args(arguments)
    config = load_preset(args.preset)
    if len(set(args.limits)) < 2 or max(args.limits) > len(open_dataset(config.data).ids):
        parser.error("--limits: give two numbers of images or more, none above the data set's")
    asked = {name for group in config.groups for name in group.attack_names()}
    attacks = tuple(sorted(asked - SLOW_TO_TRAIN))
    pipelines = len({cell.pipeline for cell in only_attacks(config, attacks).cells()})
    flags = ["--preset", args.preset, "--attacks", ",".join(attacks), "--device", "cpu"]
    flags += ["--no-store", "--no-pictures"]
    rows = []
    with tempfile.TemporaryDirectory() as made:
        os.environ["PEDBENCH_CACHE"] = f"{made}/cache"
        pedbench(["run", *flags, "--limit", "1", "--out", f"{made}/fitted"])
        for repeat in range(args.repeats):
            for engine, workers in CASES:
                for images in args.limits:
                    home = Path(made) / f"{engine}-{workers}-{images}-{repeat}"
                    rows.append(measured(engine, workers, images, flags, home))
                    pd.DataFrame(rows).round(2).to_csv(args.out, index=False)
    print(slopes(pd.DataFrame(rows), pipelines).round(3).to_string())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
