"""A run's work in two waves: attackers are fitted, then cells are computed.

This process computes by itself, or gives units out to an `Engine`. A unit whose worker died is
given out again, alone, so that it is known who died with it. One that loses two workers is lost.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from bench.cache.shipping import place
from bench.runner.context import Context, Result, Task
from bench.runner.engines import Engine
from bench.runner.evaluation.evaluate import Evaluator
from bench.runner.phases import WATCH, phase
from bench.runner.units.shipment import Shipment
from bench.runner.units.worker import (
    Answer,
    Recipe,
    code_here,
    compute_cells,
    fit_attacker,
    fitted,
    timed_results,
)
from bench.spec.cells import AttackCell, Cell
from framework.files.cache import keeping
from framework.files.writing import write_file
from framework.warn import warn

DEATHS = 2
"""A unit is lost with this many workers."""

Unit = TypeVar("Unit", AttackCell, Task)


class WorkerDied(Exception):
    """The workers that computed a unit died."""


@dataclass
class GivenOut(Generic[Unit]):
    """A unit on its way.

    Attributes:
        unit: a task, or the cell of an attacker.
        parcels: files that its worker asked for.
        deaths: workers that died while it was given out.
    """

    unit: Unit
    parcels: dict[str, bytes] = field(default_factory=dict)
    deaths: int = 0


class Waves:
    """Fits the attackers of a run, then computes its cells.

    Args:
        context: of this process; workers build the same.
        engine: where units are computed; in this process unless given.
    """

    def __init__(self, context: Context, engine: Engine | None = None) -> None:
        self.context = context
        self.engine = engine
        self.evaluator = Evaluator(context)
        self.shipment = Shipment(context) if engine is not None and engine.remote else None
        self._recipe: Recipe | None = None
        self._lost: dict[str, WorkerDied] = {}

    def fit(self, missing: Sequence[AttackCell]) -> Iterator[AttackCell]:
        """Fit the attackers of cells; each cell as its attacker is fitted, or lost."""
        attackers = self.context.attackers
        if self._alone(missing):
            for cell in missing:
                yield fitted(attackers, cell)
        else:
            for answer in self._give_out(fit_attacker, missing, self._attacker_lost):
                for name, content in answer.attackers.items():
                    with keeping():
                        write_file(place(name), content)
                yield from answer.items
        attackers.photos.forget()

    def compute(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results of all tasks as they come; the attackers must be fitted.

        Pictures are in the run folder when a result comes.
        """
        tasks, lost = self._without_lost_attackers(tasks)
        yield from lost
        if self._alone(tasks):
            for task in tasks:
                yield from timed_results(self.evaluator, task)
            return
        for answer in self._give_out(compute_cells, tasks, self._task_lost):
            for name, content in answer.files.items():
                write_file(self.context.folder / name, content)
            yield from answer.items

    def _alone(self, units: Sequence[object]) -> bool:
        """Whether this process computes by itself: one unit is not worth starting processes."""
        return self.engine is None or (len(units) < 2 and not self.engine.remote)

    def _give_out(
        self,
        work: Callable[[Recipe, Unit, Sequence[str], dict[str, bytes]], Answer[Any]],
        units: Iterable[Unit],
        lost: Callable[[Unit, WorkerDied], Answer[Any]],
    ) -> Iterator[Answer[Any]]:
        """Answers for all units as they come; what ``lost`` makes of those that are lost."""
        assert self.engine is not None
        if self._recipe is None:
            self._recipe = self._make_recipe()
        waiting = deque(GivenOut(unit) for unit in units)
        suspects: deque[GivenOut[Unit]] = deque()
        running: dict[Future[Answer[Any]], GivenOut[Unit]] = {}
        while waiting or suspects or running:
            while self._may_give_out(len(running), waiting, suspects, running.values()):
                given = suspects.popleft() if suspects else waiting.popleft()
                needs = self.shipment.needs(given.unit) if self.shipment else ()
                future = self.engine.submit(work, self._recipe, given.unit, needs, given.parcels)
                running[future] = given
            with phase("wait for workers"):
                done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                given = running.pop(future)
                error = future.exception()
                words = None if error is None else self.engine.death(error)
                if words is not None:
                    given.deaths += DEATHS if self.engine.gives_out_again else 1
                    if given.deaths < DEATHS:
                        suspects.append(given)
                        continue
                    died = WorkerDied(f"every worker that computed this died ({words})")
                    warn(f"one unit is given up: {died}")
                    yield lost(given.unit, died)
                    continue
                answer = future.result()
                WATCH.add(answer.times)
                if answer.missing:
                    assert self.shipment is not None
                    given.parcels |= self.shipment.contents(answer.missing)
                    (suspects if given.deaths else waiting).appendleft(given)
                    continue
                yield answer

    def _may_give_out(
        self,
        busy: int,
        waiting: Sequence[GivenOut[Unit]],
        suspects: Sequence[GivenOut[Unit]],
        running: Iterable[GivenOut[Unit]],
    ) -> bool:
        """Suspects go alone; of the others, some wait at the workers so that none is idle."""
        assert self.engine is not None
        if suspects:
            return busy == 0
        if any(given.deaths for given in running):
            return False
        return bool(waiting) and busy < 2 * max(self.engine.slots, 1)

    def _make_recipe(self) -> Recipe:
        context = self.context
        recipe = Recipe(
            uuid.uuid4().hex,
            replace(context.config),
            context.device,
            context.store,
            dict(context.attackers.photos.contents),
            code_here(),
        )
        return recipe if self.shipment is None else self.shipment.recipe(recipe)

    def _attacker_lost(self, cell: AttackCell, died: WorkerDied) -> Answer[AttackCell]:
        self._lost[str(self.context.attackers.file_of(cell))] = died
        return Answer([cell])

    def _task_lost(self, task: Task, died: WorkerDied) -> Answer[Result]:
        return Answer([self.evaluator.failed(task, died)])

    def _without_lost_attackers(self, tasks: Sequence[Task]) -> tuple[list[Task], list[Result]]:
        """Tasks without the cells of attackers that are lost, and the results of those cells."""
        if not self._lost:
            return list(tasks), []
        left: list[Task] = []
        results: list[Result] = []
        for task in tasks:
            deaths = {cell: self._death_of(cell) for cell in task.cells}
            kept = tuple(cell for cell, died in deaths.items() if died is None)
            if kept:
                left.append(Task(task.image_id, kept))
            for cell, died in deaths.items():
                if died is not None:
                    results.append(self.evaluator.failed(Task(task.image_id, (cell,)), died))
        return left, results

    def _death_of(self, cell: Cell) -> WorkerDied | None:
        if not isinstance(cell, AttackCell):
            return None
        return self._lost.get(str(self.context.attackers.file_of(cell)))
