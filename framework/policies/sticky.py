"""A secret shuffle kept for the whole session."""

from collections.abc import Sequence

import numpy as np

from framework.policies.base import POLICIES, Policy
from framework.windows import Window


@POLICIES.register("sticky")
class Sticky(Policy):
    """Shuffled once: a shard sees the same share of a static scene however long it watches."""

    summary = "shuffled once by a secret session key"

    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        return [windows[i] for i in rng.permutation(len(windows))]
