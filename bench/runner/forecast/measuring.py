"""What a run teaches about rates: the phases of both waves, by kind of work."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.runner.context import Context, Task
from bench.runner.folder.journal import JOURNAL, Unit
from bench.runner.folder.records import RECORDS
from bench.runner.forecast.rates import (
    ATTACKER,
    CELL,
    IMAGE,
    PICTURE_BYTES,
    PIPELINE,
    RECORD_BYTES,
    REPORT,
    REPORT_BYTES,
    RUN,
    WORKER,
    Measured,
    note,
)
from bench.runner.phases import WATCH, Spent

IDLE = frozenset({"wait for workers", "workers idle"})
"""Phases in which nothing is done."""
START = "start workers"
OF_A_PIPELINE = frozenset({"encode", "read images", "store"})
OF_AN_IMAGE = frozenset({"store"})
COUNTED = ("train ", "attack ", "recognise ", "segmentation")
"""Phases that are a kind of work of their own start with one of these."""

Times = Mapping[str, Spent]


class Meter:
    """Keeps the rates of a run, wave by wave.

    Args:
        place: what they hold for, see `place_of`.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._start = WATCH.since({})
        self._waves: dict[str, Spent] = {}

    @contextmanager
    def attackers(self, count: int) -> Iterator[None]:
        """Around the first wave."""
        with self._wave() as times:
            yield
        note(self.place, attackers_measured(times, count))

    @contextmanager
    def cells(self, tasks: Sequence[Task]) -> Iterator[None]:
        """Around the second wave."""
        with self._wave() as times:
            yield
        cells = sum(len(task.cells) for task in tasks)
        note(self.place, cells_measured(times, len(tasks), cells))

    def run_ended(self, context: Context, units: Iterable[Unit]) -> None:
        """After the records were written."""
        before = _sum(self._start, self._waves)
        images = len(context.scored.ids[: context.config.limit])
        around = run_measured(WATCH.since(before), images)
        note(self.place, {**around, **bytes_measured(context.folder, units)})

    @contextmanager
    def _wave(self) -> Iterator[dict[str, Spent]]:
        """What is spent within; known afterwards."""
        before = WATCH.since({})
        times: dict[str, Spent] = {}
        yield times
        times |= WATCH.since(before)
        self._waves = _sum(self._waves, times)


@contextmanager
def report_measured(place: str) -> Iterator[list[Path]]:
    """Around the writing of a report; takes the paths of its files."""
    start = time.perf_counter()
    paths: list[Path] = []
    yield paths
    seconds, size = time.perf_counter() - start, sum(path.stat().st_size for path in paths)
    note(place, {REPORT: (seconds, 1), REPORT_BYTES: (size, 1)})


def _sum(left: Times, right: Times) -> dict[str, Spent]:
    return {name: left.get(name, Spent()) + right.get(name, Spent()) for name in {*left, *right}}


def attackers_measured(times: Times, attackers: int) -> Measured:
    """Rates of the first wave from what it spent, in all processes."""
    return _counted(times) | {ATTACKER: (_rest(times), attackers)}


def cells_measured(times: Times, pipelines: int, cells: int) -> Measured:
    """Rates of the second wave from what it spent, in all processes."""
    own = _seconds(times, OF_A_PIPELINE)
    return _counted(times) | {PIPELINE: (own, pipelines), CELL: (_rest(times) - own, cells)}


def run_measured(times: Times, images: int) -> dict[str, tuple[float, float]]:
    """Rates of what a run spends beside both waves."""
    own = _seconds(times, OF_AN_IMAGE)
    return {IMAGE: (own, images), RUN: (_rest(times) - own, 1)}


def bytes_measured(folder: Path, units: Iterable[Unit]) -> Measured:
    """Bytes of the records and pictures of a run's units."""
    pictured = [unit.pictured for unit in units]
    records = sum(path.stat().st_size for path in (folder / JOURNAL, folder / RECORDS))
    pictures = (folder / "images").rglob("*") if any(pictured) else ()
    sizes = sum(path.stat().st_size for path in pictures if path.is_file())
    return {RECORD_BYTES: (records, len(pictured)), PICTURE_BYTES: (sizes, sum(pictured))}


def _counted(times: Times) -> dict[str, tuple[float, float]]:
    """Kinds that are phases, and the start of workers."""
    found = {
        name: (spent.seconds, float(spent.count))
        for name, spent in times.items()
        if name.startswith(COUNTED)
    }
    start = times.get(START, Spent())
    return found | {WORKER: (start.seconds, start.count)}


def _rest(times: Times) -> float:
    """Seconds of all that is neither counted nor idle."""
    return sum(
        spent.seconds
        for name, spent in times.items()
        if name not in IDLE and name != START and not name.startswith(COUNTED)
    )


def _seconds(times: Times, names: Iterable[str]) -> float:
    return sum(times[name].seconds for name in names if name in times)
