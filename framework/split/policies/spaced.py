"""Clusters of neighbouring windows, the clusters of one shard spread apart."""

from collections.abc import Sequence
from math import isqrt

import numpy as np

from framework.errors import PedbenchError
from framework.split.policies.base import POLICIES, Policy
from framework.split.windows import Window


@POLICIES.register("spaced")
class Spaced(Policy):
    """Square clusters of windows, dealt like the squares of a chessboard.

    After the token sharding of Cascade (arXiv:2507.05228), which gives a node runs of c tokens at
    a distance δ. On a grid of windows a run is a square of ``side`` × ``side`` windows, and the
    number of shards sets the distance. Loads are evened out, so that some clusters are cut. By
    name the side follows a colon: ``spaced:3``.

    Args:
        seed: not used: the assignment is fixed.
        side: of a cluster, windows; 1 is the policy ``strided``.
    """

    summary = "square clusters of windows, 2 × 2 by default, spread like a chessboard's squares"
    side: int = 2

    def __init__(self, seed: int | None = None, side: int | None = None) -> None:
        super().__init__(seed)
        self.side = self.side if side is None else side

    @classmethod
    def with_options(cls, options: Sequence[str]) -> type[Policy]:
        if len(options) > 1 or not options[0].isdecimal() or int(options[0]) < 1:
            raise PedbenchError(
                f"policy 'spaced:{':'.join(options)}': give spaced:SIDE, a cluster's side in "
                "windows, from 1"
            )
        body = {"__module__": cls.__module__, "__doc__": cls.__doc__}
        return type(cls.__name__, (cls,), body | {"side": int(options[0])})

    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        step = max(1, isqrt(n_shards))

        def place(window: Window) -> tuple[int, int, int, int]:
            row, col = window.row // self.side, window.col // self.side
            return (col + step * row) % n_shards, row, col, window.index

        return sorted(windows, key=place)
