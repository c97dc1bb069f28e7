"""What a worker does: fit an attacker, or compute the cells of one pipeline on one image.

Both depend on nothing but their arguments and the cache, so that a unit can be computed again.
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

from bench.attackers.fitting import Attackers
from bench.cache import shipping
from bench.cache.fingerprints import content_digest, source_fingerprint, versions
from bench.cache.store import Store
from bench.datasets import Dataset
from bench.runner.context import Context, Result, Task
from bench.runner.evaluation.evaluate import Evaluator
from bench.runner.evaluation.pipelines import Unsupported
from bench.runner.folder.provenance import device_label
from bench.runner.phases import WATCH, Spent, Times, phase
from bench.spec.cells import AttackCell
from bench.spec.config import RunConfig
from framework.compute.allocator import keep_freed_memory
from framework.compute.devices import usable_device
from framework.compute.finite import NotFinite
from framework.errors import FAULTS, PedbenchError

REST = "rest of the cells"
"""Time spent on cells outside any named phase."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Recipe:
    """All that a worker needs to build a `Context` like the driver's.

    Attributes:
        name: tells recipes apart.
        config: the run.
        device: where to compute, as in `Context`.
        store: as in `Context`.
        contents: as in `Context`.
        code: as `code_here` gives it on the driver's machine; workers elsewhere must have the same.
        lists: names of shipped data sets: the scored, the public, the outside ones. Where there
            are none, the worker shares the driver's files.
        weights: names of shipped weight files: the model's, the adapted model's.
    """

    name: str
    config: RunConfig
    device: str
    store: Store | None
    contents: Mapping[str, str]
    code: str
    lists: tuple[str, ...] = ()
    weights: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True)
class Answer(Generic[Item]):
    """What a worker sends back.

    Attributes:
        items: results.
        files: path in the run folder → content.
        attackers: name in the cache → content, of attackers fitted elsewhere.
        missing: names that the worker's cache lacks; nothing was computed then.
        times: what it spent.
    """

    items: list[Item] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    attackers: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    times: Times = field(default_factory=dict)


def code_here() -> str:
    """A digest of this machine's code and of the packages that it rests on."""
    return content_digest(source_fingerprint(__name__), versions())


def fit_attacker(
    recipe: Recipe, cell: AttackCell, needs: Iterable[str], parcels: shipping.Parcels
) -> Answer[AttackCell]:
    """Fit the attacker of ``cell`` unless the cache has it.

    Args:
        needs: names of files in the cache that this takes.
        parcels: some of them.
    """

    def work(evaluator: Evaluator) -> Answer[AttackCell]:
        attackers = evaluator.context.attackers
        answer = Answer([fitted(attackers, cell)])
        file = attackers.file_of(cell) if recipe.lists else None
        if file is not None and file.exists():
            answer.attackers[f"{file.parent.name}/{file.name}"] = file.read_bytes()
        return answer

    return _at_work(recipe, needs, parcels, work)


def compute_cells(
    recipe: Recipe, task: Task, needs: Iterable[str], parcels: shipping.Parcels
) -> Answer[Result]:
    """Compute a task; arguments as in `fit_attacker`."""

    def work(evaluator: Evaluator) -> Answer[Result]:
        folder = evaluator.context.folder
        answer = Answer(list(timed_results(evaluator, task)))
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                answer.files[path.relative_to(folder).as_posix()] = path.read_bytes()
        shutil.rmtree(folder, ignore_errors=True)
        if recipe.lists:
            device = device_label(evaluator.context.models.sam.device)
            for _, _, records in answer.items:
                records[:] = [{**record, "device": device} for record in records]
        return answer

    return _at_work(recipe, needs, parcels, work)


def fitted(attackers: Attackers, cell: AttackCell) -> AttackCell:
    """Fit the attacker of ``cell``; one that cannot be fitted shows in its records."""
    try:
        attackers.get(cell)
    except (Unsupported, NotFinite):
        pass
    except FAULTS:
        if not attackers.broken(cell):
            raise
    return cell


def timed_results(evaluator: Evaluator, task: Task) -> Iterator[Result]:
    """Results of a task, with what no phase within them names as a phase of its own."""
    evaluator.context.attackers.photos.forget()
    results = evaluator.results(task)
    while True:
        with phase(REST):
            result = next(results, None)
        if result is None:
            return
        yield result


_one_at_a_time = threading.Lock()
_built: tuple[str, Evaluator, TemporaryDirectory[str]] | None = None


def _at_work(
    recipe: Recipe,
    needs: Iterable[str],
    parcels: shipping.Parcels,
    work: Callable[[Evaluator], Answer[Item]],
) -> Answer[Item]:
    """Unpack, see whether all is there, and work; the threads of a worker take turns."""
    with _one_at_a_time:
        shipping.unpack(parcels)
        missing = shipping.missing(needs)
        if missing:
            return Answer(missing=missing)
        answer = work(_evaluator(recipe))
        return replace(answer, times=WATCH.drain())


def _evaluator(recipe: Recipe) -> Evaluator:
    """The evaluator of a recipe, built once."""
    global _built
    if _built is None or _built[0] != recipe.name:
        start = 0.0 if _built is None else time.process_time()  # imports count with the first
        _built = None
        keep_freed_memory()
        if recipe.lists and recipe.code != code_here():
            raise PedbenchError(
                f"the worker on {socket.gethostname()} has other code or packages than this "
                "machine: install the same versions there"
            )
        pictures = TemporaryDirectory(prefix="pedbench-worker-")
        _built = recipe.name, Evaluator(_context(recipe, Path(pictures.name) / "run")), pictures
        WATCH.start("workers idle")
        WATCH.add({"start workers": Spent(time.process_time() - start, 1)})
    return _built[1]


def _context(recipe: Recipe, folder: Path) -> Context:
    config = recipe.config
    given: dict[str, Any] = {}
    for option, name in zip(("checkpoint", "adapted_checkpoint"), recipe.weights, strict=True):
        if name is not None:
            given[option] = str(shipping.place(name))
    datasets: list[Dataset] = [shipping.ShippedPhotos.open(name) for name in recipe.lists]
    return Context(
        replace(config, **given) if given else config,
        folder,
        usable_device(recipe.device),
        recipe.store,
        recipe.contents,
        datasets,
    )
