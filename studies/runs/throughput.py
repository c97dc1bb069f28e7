"""What an engine adds to a run: units a minute, alone and with two workers.

    python -m studies.runs.throughput --images 2 --repeats 2 --out throughput.csv

Each case is `pedbench run` in processes of its own. The journal gets a line for each unit (one
pipeline on one image), and this process notes when. The pace is taken between the line after a
fifth of the units and the last: start, imports, models of driver and workers, and the report are
left out. All engines compute the same units in the same order, so that the same work lies between
two lines. The yardstick is the serial run, alone for one worker, and two of them side by side for
two. Attackers are fitted beforehand in a new cache, nothing comes from the store, and attacks that
take minutes to train are left out. Needs an idle machine with as many cores as workers, and the
extra `dask`. About 6 minutes a repeat.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import distributed
import pandas as pd

from bench.flags.arguments import positive_int
from bench.runner.folder.journal import JOURNAL
from bench.spec.config import load_preset
from framework.errors import PedbenchError
from studies.command import exit_with
from studies.runs.costs import cost, pedbench

SERIAL, LOCAL, DASK = "serial", "local", "dask"
CASES = [(SERIAL, 1), (LOCAL, 1), (DASK, 1), (SERIAL, 2), (LOCAL, 2), (DASK, 2)]
"""Engines and workers; two serial workers are two runs side by side, each of all units."""
SLOW_TO_TRAIN = frozenset({"conv_decoder"})
PERIOD = 0.05
"""Seconds between two looks at a journal."""


class JournalClock:
    """Notes when each line of a run's journal was written, to `PERIOD`.

    Args:
        path: the journal; it may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moments: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> JournalClock:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        read = 0
        while not self._ended.wait(PERIOD):
            if self.path.exists() and self.path.stat().st_size > read:
                with self.path.open("rb") as file:
                    file.seek(read)
                    new = file.read()
                read += len(new)
                self.moments += [time.perf_counter()] * new.count(b"\n")

    def pace(self) -> float:
        """Units a minute after the first fifth of them.

        Raises:
            PedbenchError: the journal has too few lines.
        """
        skipped = len(self.moments) // 5
        if skipped < 1:
            raise PedbenchError(f"{self.path}: {len(self.moments)} units are too few for a pace")
        seconds = self.moments[-1] - self.moments[skipped - 1]
        return 60 * (len(self.moments) - skipped) / seconds


def measured(
    engine: str, workers: int, images: int, flags: Sequence[str], home: Path
) -> dict[str, object]:
    """Units a minute of one case, and its seconds as a whole."""
    drivers = [home / str(number) for number in range(workers if engine == SERIAL else 1)]
    with words_of(engine, workers) as words, contextlib.ExitStack() as stack:
        clocks = [stack.enter_context(JournalClock(folder / JOURNAL)) for folder in drivers]
        run = stack.enter_context(cost())
        command = ["run", *flags, *words, "--limit", str(images), "--out"]
        pedbench(*([*command, str(folder)] for folder in drivers))
    return {
        "engine": engine,
        "workers": workers,
        "units": sum(len(clock.moments) for clock in clocks),
        "units_a_minute": sum(clock.pace() for clock in clocks),
        "seconds": run.seconds,
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


def overheads(rows: pd.DataFrame) -> pd.DataFrame:
    """Median units a minute, and what an engine adds to a unit as a share of the yardstick's.

    Args:
        rows: of `measured`.
    """
    cases = ["engine", "workers"]
    table = rows.groupby(cases, sort=False)[["units_a_minute", "seconds"]].median()
    pace = table["units_a_minute"]
    yardstick = pace.loc[SERIAL].reindex(table.index.get_level_values("workers")).to_numpy()
    table["overhead"] = yardstick / pace - 1
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--images", type=positive_int, default=2)
    parser.add_argument("--repeats", type=positive_int, default=2)
    parser.add_argument("--out", type=Path, default=Path("throughput.csv"))
    args = parser.parse_args(arguments)
    config = load_preset(args.preset)
    asked = {name for group in config.groups for name in group.attack_names()}
    attacks = ",".join(sorted(asked - SLOW_TO_TRAIN))
    flags = ["--preset", args.preset, "--attacks", attacks, "--device", "cpu"]
    flags += ["--no-store", "--no-pictures"]
    rows = []
    with tempfile.TemporaryDirectory() as made:
        os.environ["PEDBENCH_CACHE"] = f"{made}/cache"
        pedbench(["run", *flags, "--limit", "1", "--out", f"{made}/fitted"])
        for repeat, (engine, workers) in product(range(args.repeats), CASES):
            home = Path(made) / f"{engine}-{workers}-{repeat}"
            rows.append(measured(engine, workers, args.images, flags, home))
            pd.DataFrame(rows).round(2).to_csv(args.out, index=False)
    print(overheads(pd.DataFrame(rows)).round(3).to_string())
    return 0


if __name__ == "__main__":
    exit_with(main, "studies.runs.throughput")
