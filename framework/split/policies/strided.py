"""Windows of one shard spread like the squares of a chessboard."""

from collections.abc import Sequence
from math import isqrt

import numpy as np

from framework.split.policies.base import POLICIES, Policy
from framework.split.windows import Window


@POLICIES.register("strided")
class Strided(Policy):
    """Shard ``(column + step·row) mod n``, evened out so that loads differ by at most one."""

    summary = "spread like the squares of a chessboard"

    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        step = max(1, isqrt(n_shards))
        return sorted(windows, key=lambda w: ((w.col + step * w.row) % n_shards, w.index))
