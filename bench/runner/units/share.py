"""Runs in parts: a fixed share of the units each, put together by `bench.runner.folder.merge`."""

from __future__ import annotations

from dataclasses import dataclass

from bench.runner.context import Task
from bench.runner.evaluation.pipelines import seed_of


@dataclass(frozen=True)
class Share:
    """One of several parts of a run, with a fixed share of its units.

    Attributes:
        number: of this part, from 1.
        count: of all parts.
    """

    number: int
    count: int

    def has(self, task: Task) -> bool:
        """Whether a task, the cells of one pipeline on one image, is this part's."""
        drawn = seed_of("part", task.image_id, task.cells[0].pipeline.slug)
        return drawn % self.count == self.number - 1
