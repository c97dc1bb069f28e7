"""Which of a run's public photos an attacker owns, and which belong to strangers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.datasets import Dataset
from bench.runner.evaluation.pipelines import Unsupported

Photo = tuple[Dataset, str]
"""A data set and the id of one of its images."""


def own_photos(sets: Sequence[Dataset], limit: int | None, can_query: bool) -> list[Photo]:
    """The photos of an attacker, in the order of the data sets.

    Fewer are a subset of more: they are the first of a fixed random order. A query-free attacker
    owns the first half only. The second half stands for other users' photos.

    Args:
        sets: the public data sets.
        limit: how many are owned; ``None`` for all.
        can_query: as in `attacks.threat_models.base.ThreatModel`.

    Raises:
        Unsupported: there are not so many.
    """
    every, order = _every(sets)
    pool = order if can_query else order[: _half(order)]
    if limit is not None and limit > len(pool):
        raise Unsupported(
            f"{limit} public photos asked for, this run has {len(pool)} for such an attacker: "
            "name more data under 'public', or ask for fewer"
        )
    return [every[index] for index in sorted(pool[:limit])]


def strangers_photos(sets: Sequence[Dataset]) -> list[Photo]:
    """Other users' photos, as a query-free attacker overhears them: none that the attacker owns."""
    every, order = _every(sets)
    return [every[index] for index in sorted(order[_half(order) :])]


def _every(sets: Sequence[Dataset]) -> tuple[list[Photo], list[int]]:
    every = [(dataset, image_id) for dataset in sets for image_id in dataset.ids]
    return every, np.random.default_rng(0).permutation(len(every)).tolist()


def _half(order: Sequence[int]) -> int:
    return (len(order) + 1) // 2
