"""A secret shuffle that a scene keeps for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

import numpy as np

from framework.split.policies.base import POLICIES, Policy
from framework.split.policies.key import seed_of
from framework.split.windows import Window, WindowGrid
from framework.transport.round import HOME


@POLICIES.register("sticky")
class Sticky(Policy):
    """Shuffled once: a shard sees the same share of a static scene however long it watches.

    Args:
        seed: one shuffle for all scenes; by default each scene has its own, by a secret key that
            outlives the process, and whichever order the servers are named in.
    """

    summary = "shuffled once for each scene, by a secret key"

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed)
        self.keyed = seed is None
        self.servers: Sequence[int] = ()

    def bound(self, scene: str, servers: Sequence[str], key: Callable[[], bytes]) -> Policy:
        if not self.keyed:
            return self
        bound = copy(self)
        bound.seed = seed_of(key(), f"sticky {scene}")
        bound.servers = sorted(range(len(servers)), key=servers.__getitem__)
        return bound

    def assign(self, grid: WindowGrid, n_shards: int, request: int = 0) -> tuple[int, ...]:
        owners = super().assign(grid, n_shards, request)
        if not self.servers:
            return owners
        return tuple(HOME if owner == HOME else self.servers[owner] for owner in owners)

    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        return [windows[i] for i in rng.permutation(len(windows))]
