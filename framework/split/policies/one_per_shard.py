"""As many shards as windows."""

from collections.abc import Sequence

import numpy as np

from framework.errors import PedbenchError
from framework.split.policies.base import POLICIES, Policy
from framework.split.windows import Window, WindowGrid


@POLICIES.register("one_per_shard")
class OnePerShard(Policy):
    """Window i to shard i, content-bearing windows first."""

    summary = "as many shards as windows, one window each"

    def assign(self, grid: WindowGrid, n_shards: int, request: int = 0) -> tuple[int, ...]:
        if n_shards != len(grid.windows):
            raise PedbenchError(
                f"policy 'one_per_shard' needs {len(grid.windows)} shards, not {n_shards}: "
                f"give --n-shards {len(grid.windows)}, as many --shards, or another policy"
            )
        return super().assign(grid, n_shards, request)

    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        return windows
