"""What it takes to compute cells, in one process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.attackers.fitting import Attackers
from bench.cache.encodings import Encodings
from bench.cache.store import Store
from bench.datasets import SampleError, open_dataset
from bench.parts import packages_of
from bench.runner.evaluate import ImageWork
from bench.runner.phases import phase
from bench.runner.pipelines import Models
from bench.runner.recognition import Judges
from bench.runner.records import FAILED, LOAD, Record
from bench.runner.scorer import Scorer
from bench.spec.cells import Cell
from bench.spec.config import RunConfig

MAX_WORKERS = 8


@dataclass(frozen=True)
class Task:
    """Cells of one pipeline on one image."""

    image_id: str
    cells: tuple[Cell, ...]


Result = tuple[str, list[Cell], list[Record]]
"""An image's id, finished cells, and their records."""


class Workbench:
    """Model, data, attackers and metrics of a run, built once in each process.

    Args:
        config: the run.
        folder: its folder, for pictures.
        device: ``cpu`` or ``cuda``.
        store: of what was computed before; nothing is kept when not given.
        contents: of public photos, as in `PublicPhotos`.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        device: str,
        store: Store | None = None,
        contents: Mapping[str, str] | None = None,
    ) -> None:
        self.config = config
        self.folder = folder
        self.device = device
        self.store = store
        self.models = Models(
            config.model, config.checkpoint, config.adapted_checkpoint, device, config.precision
        )
        self.scored = open_dataset(
            config.data, images=config.images, annotations=config.annotations
        )
        self.public = [open_dataset(spec) for spec in config.public]
        self.outside = [open_dataset(spec) for spec in config.outside]
        self.attackers = Attackers(self.models, self.public, self.outside, contents)
        self.encodings = Encodings(self.models, store, config.remote)
        self.judges = Judges(self.scored.limit(config.limit), self.models.sam.arch.img_size)
        self._work: ImageWork | None = None

    @cached_property
    def scorer(self) -> Scorer:
        """The metrics, loaded when the first cell is to be scored."""
        return Scorer()

    def results(self, task: Task) -> Iterator[Result]:
        """Compute a task; an image that cannot be read is one failed record."""
        try:
            work = self._open(task.image_id)
        except SampleError as error:
            yield task.image_id, list(task.cells), [self._unreadable(task.image_id, error)]
            return
        scheme = self.config.data.partition(":")[0]
        for done, records in work.results(task.cells):
            told = [{**record, "plugins": packages_of(record, scheme)} for record in records]
            yield task.image_id, done, told

    def _open(self, image_id: str) -> ImageWork:
        """The work on an image; the last one's is let go before the next is read."""
        if self._work is None or self._work.sample.image_id != image_id:
            self._work = None
            with phase("read images"):
                sample = self.scored.load(image_id)
            self._work = ImageWork(
                self.config,
                self.folder,
                self.encodings,
                self.attackers,
                self.scorer,
                sample,
                self.judges,
            )
        return self._work

    def _unreadable(self, image_id: str, error: SampleError) -> Record:
        return {
            "image_id": image_id,
            "model": self.config.model,
            "metric": LOAD,
            "status": FAILED,
            "error": str(error),
        }


def is_unreadable(records: Sequence[Record]) -> bool:
    """Whether these records say that the image could not be read."""
    return any(record["metric"] == LOAD for record in records)


def default_workers(config: RunConfig, device: str) -> int:
    """One process a core for ``tiny`` on the CPU; larger models use the cores by themselves."""
    if device != "cpu" or not config.model.startswith("tiny"):
        return 1
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)))
