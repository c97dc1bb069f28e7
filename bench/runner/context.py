"""What it takes to compute cells, in one process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from bench.attackers.fitting import Attackers
from bench.cache.encodings import Encodings
from bench.cache.photos import Photos
from bench.cache.store import Store
from bench.datasets import Dataset, open_dataset
from bench.metrics import used_metrics
from bench.runner.evaluation.noise_bounds import NoiseBounds
from bench.runner.evaluation.recognition import Recognition
from bench.runner.evaluation.scorer import Scorer
from bench.runner.folder.records import LOAD, Record
from bench.runner.models import Models
from bench.spec.cells import Cell
from bench.spec.config import RunConfig
from framework.compute.devices import CUDA, gpus

MAX_WORKERS = 8


@dataclass(frozen=True)
class Task:
    """Cells of one pipeline on one image."""

    image_id: str
    cells: tuple[Cell, ...]


Result = tuple[str, list[Cell], list[Record]]
"""An image's id, finished cells, and their records."""


class Context:
    """Model, data, attackers and metrics of a run, built once in each process.

    Args:
        config: the run.
        folder: its folder, for pictures.
        device: ``cpu`` or ``cuda``.
        store: of what was computed before; nothing is kept when not given.
        contents: of public photos, as in `PublicPhotos`.
        datasets: the scored, the public and the outside ones in the order of ``config``; opened
            here unless given.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        device: str,
        store: Store | None = None,
        contents: Mapping[str, str] | None = None,
        datasets: Sequence[Dataset] = (),
    ) -> None:
        self.config = config
        self.folder = folder
        self.device = device
        self.store = store
        self.models = Models(
            config.model, config.checkpoint, config.adapted_checkpoint, device, config.precision
        )
        found = iter([Photos(each) for each in datasets or _open(config)])
        self.scored = next(found)
        self.public = list(islice(found, len(config.public)))
        self.outside = list(found)
        self.attackers = Attackers(self.models, self.public, self.outside, contents)
        self.encodings = Encodings(store, config.remote)
        self.noise_bounds = NoiseBounds(self.models, self.public)
        self.recognition = Recognition(
            self.scored.limit(config.limit), self.models.sam.arch.img_size
        )

    @cached_property
    def scorer(self) -> Scorer:
        """The metrics, loaded when the first cell is to be scored."""
        return Scorer(used_metrics(self.config.metrics))


def _open(config: RunConfig) -> list[Dataset]:
    scored = open_dataset(config.data, images=config.images, annotations=config.annotations)
    return [scored, *map(open_dataset, (*config.public, *config.outside))]


def is_unreadable(records: Sequence[Record]) -> bool:
    """Whether these records say that the image could not be read."""
    return any(record["metric"] == LOAD for record in records)


def default_workers(config: RunConfig, device: str) -> int:
    """One process a GPU, and one a core for ``tiny`` on the CPU; larger models use all cores."""
    if device == CUDA:
        return len(gpus())
    if device != "cpu" or not config.model.startswith("tiny"):
        return 1
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)))
