"""A fresh secret shuffle for every picture."""

from collections.abc import Sequence

import numpy as np

from framework.split.policies.base import POLICIES, Policy
from framework.split.windows import Window


@POLICIES.register("random")
class Random(Policy):
    """Shuffled anew each request: over time every shard sees everything."""

    summary = "shuffled anew for every picture"

    def generator(self, request: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, request])

    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        return [windows[i] for i in rng.permutation(len(windows))]
