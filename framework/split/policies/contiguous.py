"""Neighbouring windows to the same shard."""

from collections.abc import Sequence

import numpy as np

from framework.split.policies.base import POLICIES, Policy
from framework.split.windows import Window


@POLICIES.register("contiguous")
class Contiguous(Policy):
    """Row-major runs: a shard sees a coherent part of the photo."""

    summary = "row-major runs of neighbouring windows"

    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        return windows
