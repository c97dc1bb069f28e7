"""The windows of one shard as far apart as they can be."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from framework.split.policies.base import POLICIES, Policy
from framework.split.windows import Window

Sets = list[list[Window]]


@POLICIES.register("dispersed")
class Dispersed(Policy):
    """Greatest distance between windows of one shard.

    Starts from a chessboard-like dealing and swaps windows between shards while that moves the
    nearest two of them apart, then the nearest of each shard. Which shard gets which set is fixed.
    """

    summary = "windows of one shard as far apart as possible"

    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        step = max(1, int(n_shards**0.5))
        dealt = sorted(windows, key=lambda w: ((w.col + step * w.row) % n_shards, w.index))
        share, longer = divmod(len(dealt), n_shards)
        ends = np.cumsum([0] + [share + (k < longer) for k in range(n_shards)])
        sets = [dealt[ends[k] : ends[k + 1]] for k in range(n_shards)]
        while _improved(sets):
            pass
        return [window for held in sets for window in held]


def _improved(sets: Sets) -> bool:
    """Carry out the first swap between two sets that helps; whether there was one."""
    for one, other in combinations(range(len(sets)), 2):
        for i in range(len(sets[one])):
            for j in range(len(sets[other])):
                pair = sets[one], sets[other]
                before = _apartness(pair)
                sets[one][i], sets[other][j] = sets[other][j], sets[one][i]
                if _apartness(pair) > before:
                    return True
                sets[one][i], sets[other][j] = sets[other][j], sets[one][i]
    return False


def _apartness(sets: Sequence[Sequence[Window]]) -> tuple[int, ...]:
    """Squared distances of the nearest two windows of each set, ascending; far if it has no two."""
    nearest = [
        min(
            ((a.row - b.row) ** 2 + (a.col - b.col) ** 2 for a, b in combinations(held, 2)),
            default=10**9,
        )
        for held in sets
    ]
    return tuple(sorted(nearest))
