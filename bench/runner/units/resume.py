"""What a run that goes on need not do again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import groupby

from bench.cache.keys import Keys
from bench.runner.context import Context, Task
from bench.runner.folder.journal import Journal, Unit, finished, unit_id
from bench.runner.units.share import Share
from bench.spec.cells import Cell
from bench.spec.config import RunConfig
from framework.errors import PedbenchError
from framework.warn import warn

MOST = 5
"""Changes that a warning names."""


def units_of(keys: Keys, cells: Sequence[Cell], image_id: str) -> list[Unit]:
    """Finished cells of an image, as the journal enters them."""
    return [
        Unit(
            image_id,
            cell,
            keys.of(cell, image_id),
            keys.config.pictured(cell),
            inputs=keys.inputs(cell, image_id),
        )
        for cell in cells
    ]


def sift(journal: Journal, config: RunConfig, keys: Keys) -> None:
    """Void what no longer holds, and say what is done again."""
    cells = {cell.id for cell in config.cells()}
    ids = set(keys.scored.ids[: config.limit])
    stale = [name for name, unit in journal.done.items() if not holds(unit, keys)]
    void = [*stale, *journal.unknown]
    if void:
        places = [name.partition(":") for name in void]
        again = sum(cell in cells and image_id in ids for cell, _, image_id in places)
        warn(
            f"{len(void)} finished cells count no more, as what they depend on changed "
            f"({_changes(journal, set(stale), keys)}): {again} of them are computed again"
        )
        journal.void(void)
    failed = sum(
        unit.failed and unit.image_id in ids and unit.cell.id in cells
        for unit in journal.done.values()
    )
    if failed:
        warn(f"{failed} failed cells of the last run are tried again")


def _changes(journal: Journal, stale: Set[str], keys: Keys) -> str:
    """Names of what stale units depend on and is no longer what it was; most cells first."""
    counts: Counter[str] = Counter()
    for units, _, _ in finished(journal.path):
        for unit in units:
            if unit_id(unit.cell, unit.image_id) in stale:
                counts.update(_changed(unit, keys))
    names = [name for name, _ in counts.most_common(MOST)]
    more = f" and {len(counts) - MOST} more" if len(counts) > MOST else ""
    return (", ".join(names) or "photos, settings or code") + more


def _changed(unit: Unit, keys: Keys) -> Iterator[str]:
    try:
        now = keys.inputs(unit.cell, unit.image_id)
    except PedbenchError:
        yield "installed parts"
        return
    names = dict.fromkeys([*unit.inputs, *now]) if unit.inputs else {}
    yield from (name for name in names if unit.inputs.get(name) != now.get(name))


def holds(unit: Unit, keys: Keys) -> bool:
    """Whether a unit's records would come out the same today."""
    try:
        return unit.key == keys.of(unit.cell, unit.image_id)
    except PedbenchError:
        return False


def tasks_on(
    image_id: str, cells: Sequence[Cell], done: Mapping[str, Unit], config: RunConfig
) -> Iterator[Task]:
    """What is left to do on an image, pipeline by pipeline; ``done`` has units by `unit_id`."""
    left = [cell for cell in cells if not _is_done(cell, image_id, done, config)]
    left.sort(key=lambda cell: repr(cell.pipeline))
    for _, group in groupby(left, key=lambda cell: cell.pipeline):
        yield Task(image_id, tuple(group))


def tasks_left(
    context: Context, done: Mapping[str, Unit], share: Share | None = None
) -> list[Task]:
    """What a run, or one part of it, has left to do; ``done`` has units by `unit_id`."""
    config = context.config
    cells, ids = config.cells(), context.scored.ids[: config.limit]
    tasks = [task for image_id in ids for task in tasks_on(image_id, cells, done, config)]
    return tasks if share is None else [task for task in tasks if share.has(task)]


def count_cells(tasks: Iterable[Task]) -> int:
    """Cells × images of tasks."""
    return sum(len(task.cells) for task in tasks)


def _is_done(cell: Cell, image_id: str, done: Mapping[str, Unit], config: RunConfig) -> bool:
    unit = done.get(unit_id(cell, image_id))
    if unit is None or unit.failed:
        return False
    return unit.pictured or not config.pictured(cell)
