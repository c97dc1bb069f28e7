"""How long what is left of a run takes, and what it leaves on the disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from attacks.base import ATTACKS
from attacks.threat_models.base import unsupported_reason
from bench.attackers.training_setting import training_phase, training_setting
from bench.runner.context import Context, Task
from bench.runner.engines import Engine
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
    SEGMENTATION,
    WORKER,
    Rates,
    place_of,
    read_rates,
)
from bench.spec.cells import BARE, AttackCell, Cell
from bench.spec.config import RunConfig
from bench.words import plural

TRAIN = "train "
FEW = 3
"""Names that a line shows of many."""

Needs = Mapping[str, int]
"""Kind of work → how often."""


@dataclass(frozen=True)
class Forecast:
    """What is left to do in a run.

    Attributes:
        config: the run.
        images: how many it scores.
        tasks: to be computed.
        attackers: to be fitted.
        workers: processes that share the work.
        rates: of this machine.
    """

    config: RunConfig
    images: int
    tasks: Sequence[Task]
    attackers: Sequence[AttackCell]
    workers: int
    rates: Rates

    @property
    def cells(self) -> int:
        """Cells on images that are to be computed."""
        return sum(len(task.cells) for task in self.tasks)

    @cached_property
    def attackers_s(self) -> float:
        """Seconds of the first wave."""
        return sum(map(self.fitting_s, self.attackers)) / self._shared_by(len(self.attackers))

    @cached_property
    def cells_s(self) -> float:
        """Seconds of the second wave."""
        return sum(map(self.task_s, self.tasks)) / self._shared_by(len(self.tasks))

    @cached_property
    def seconds(self) -> float:
        """Of the whole run, its report included."""
        return self.attackers_s + self.cells_s + self._cost(self._around)

    @cached_property
    def bytes(self) -> float:
        """Of the run folder's new files, at least."""
        pictured = sum(self.config.pictured(cell) for task in self.tasks for cell in task.cells)
        new = {RECORD_BYTES: self.cells, PICTURE_BYTES: pictured, REPORT_BYTES: 1}
        return self._cost(new)

    @cached_property
    def measured_here(self) -> float:
        """Share of the seconds that rates of this machine tell, 0 to 1."""
        known = {kind: count for kind, count in self._needs.items() if kind in self.rates.here}
        return self._cost(known) / max(self._cost(self._needs), 1e-9)

    @cached_property
    def trained(self) -> list[AttackCell]:
        """The attackers that learn something; others are only noted."""
        return [cell for cell in self.attackers if ATTACKS.get(cell.attack).needs_training]

    @cached_property
    def untimed(self) -> list[AttackCell]:
        """The attackers whose training was never timed: it is not counted."""
        return [
            cell
            for cell in self.trained
            if all(self.rates.of(kind) is None for kind in fitting(cell) if kind.startswith(TRAIN))
        ]

    @property
    def how_long(self) -> str:
        """The seconds of the whole run in words."""
        return f"{'at least' if self.untimed else 'about'} {duration(self.seconds)}"

    def fitting_s(self, cell: AttackCell) -> float:
        """Seconds that the attacker of ``cell`` takes a worker."""
        return self._cost(fitting(cell))

    def task_s(self, task: Task) -> float:
        """Seconds that a task takes a worker."""
        return self._cost(computing(task.cells))

    def line(self) -> str:
        """All of it in one line."""
        fits = f"{plural(len(self.trained), 'attacker')} to fit and " if self.trained else ""
        return (
            f"{fits}{plural(self.cells, 'cell')} to compute in {plural(len(self.tasks), 'unit')}: "
            f"{self.how_long} with {plural(self.workers, 'worker')} ({self.basis})"
        )

    @property
    def basis(self) -> str:
        """Where the rates come from."""
        share = round(100 * self.measured_here)
        if share == 0:
            text = "a guess by rates of another machine, as none was measured here"
        elif share == 100:
            text = "by rates measured here"
        else:
            text = f"{share} % of it by rates measured here, the rest by those of another machine"
        return f"{text}{self.unknown}"

    @property
    def unknown(self) -> str:
        """What is not counted, in words that follow others."""
        count = len(self.untimed)
        were = "attacker was" if count == 1 else "attackers were"
        names = few(sorted({cell.attack for cell in self.untimed}))
        return f"; not counted: {count} {were} never timed ({names})" if count else ""

    @cached_property
    def _needs(self) -> Needs:
        """Of everything."""
        needs: Counter[str] = Counter(self._around)
        for more in (*map(fitting, self.attackers), *(computing(t.cells) for t in self.tasks)):
            needs.update(more)
        return dict(needs)

    @property
    def _around(self) -> Needs:
        return {RUN: 1, IMAGE: self.images, REPORT: 1, WORKER: 1 if self.workers > 1 else 0}

    def _shared_by(self, units: int) -> int:
        return max(1, min(self.workers, units))

    def _cost(self, needs: Needs) -> float:
        return sum(count * (self.rates.of(kind) or 0.0) for kind, count in needs.items())


def forecast_of(context: Context, tasks: Sequence[Task], engine: Engine | None = None) -> Forecast:
    """What ``tasks`` of a run, and the attackers that they lack, take on ``engine``."""
    config = context.config
    attackers = context.attackers.untrained(cell for task in tasks for cell in task.cells)
    return Forecast(
        config,
        len(context.scored.ids[: config.limit]),
        tasks,
        attackers,
        engine.slots if engine else 1,
        read_rates(config.model, place_of(config, context.device, engine)),
    )


def fitting(cell: AttackCell) -> Needs:
    """What fitting the attacker of a cell takes."""
    setting = training_setting(cell, ATTACKS.get(cell.attack))
    return {ATTACKER: 1, training_phase(cell.attack, setting): 1}


def computing(cells: Iterable[Cell]) -> Needs:
    """What the cells of one pipeline take on one image."""
    needs = {PIPELINE: 1, CELL: 0}
    for cell in cells:
        kind = _kind(cell)
        needs[CELL] += 1
        if kind is not None:
            needs[kind] = needs.get(kind, 0) + 1
    return needs


def _kind(cell: Cell) -> str | None:
    """The kind of work of a cell beside what every cell takes."""
    if not isinstance(cell, AttackCell):
        return SEGMENTATION
    if cell.recognise:
        return f"recognise {cell.recognise}"
    if cell.attack in BARE or unsupported_reason(ATTACKS.get(cell.attack), cell.threat):
        return None
    return f"attack {cell.attack}"


def trained_from_nothing(cells: Iterable[Cell]) -> list[AttackCell]:
    """One cell for each attacker that would be trained if none was kept."""
    found = {}
    for cell in cells:
        if isinstance(cell, AttackCell) and cell.attack not in BARE:
            attack = ATTACKS.get(cell.attack)
            if attack.needs_training and not unsupported_reason(attack, cell.threat):
                found[cell.attack, cell.seed, training_setting(cell, attack)] = cell
    return list(found.values())


def few(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    more = len(names) - FEW
    return ", ".join(names[:FEW]) + (f", … and {more} more" if more > 0 else "")


def duration(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    for size, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            number = seconds / size
            return f"{number:.0f} {name}" if number >= 10 else f"{number:.1f} {name}"
    return f"{seconds:.0f} s"
