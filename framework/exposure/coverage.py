"""Which pixels of a scene each server has seen, and limits on that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from framework.exposure.scene import Box

Mask = NDArray[np.bool_]


class Coverage:
    """A bitmap of the scene for each server: what was seen twice counts once.

    Args:
        size: height and width of the scene, pixels.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.seen: dict[str, Mask] = {}

    def add(self, server: str, box: Box) -> None:
        """Note that a server sees the pixels of ``box``."""
        self.of(server)[_slices(box)] = True

    def of(self, server: str) -> Mask:
        """What one server has seen: bool [height, width]."""
        if server not in self.seen:
            self.seen[server] = np.zeros(self.size, dtype=bool)
        return self.seen[server]

    def union(self, servers: Iterable[str], box: Box | None = None) -> Mask:
        """What servers have seen together, in ``box`` or everywhere."""
        y0, x0, y1, x1 = box or (0, 0, *self.size)
        union = np.zeros((y1 - y0, x1 - x0), dtype=bool)
        for server in servers:
            if server in self.seen:
                union |= self.seen[server][y0:y1, x0:x1]
        return union

    def worst(self, size: int) -> tuple[tuple[str, ...], float]:
        """The coalition of ``size`` servers that has seen most, and which fraction of the scene."""
        groups = combinations(sorted(self.seen), min(size, len(self.seen)))
        return max(((g, float(self.union(g).mean())) for g in groups), key=lambda pair: pair[1])


class GroupLimit:
    """At most ``most`` pixels of ``region`` may be seen by the servers of a group together.

    Args:
        group: names of the servers.
        region: bool [height, width] of the scene, or everything.
    """

    def __init__(
        self, coverage: Coverage, group: Sequence[str], most: int, region: Mask | None = None
    ) -> None:
        self.coverage = coverage
        self.group = group
        self.most = most
        self.region = region
        whole = coverage.union(group)
        self.seen = int(np.count_nonzero(whole if region is None else whole & region))

    def gain(self, server: str, box: Box) -> int:
        """How many pixels ``box`` would add, sent to ``server``."""
        if server not in self.group:
            return 0
        new = ~self.coverage.union(self.group, box)
        if self.region is not None:
            new &= self.region[_slices(box)]
        return int(np.count_nonzero(new))

    def allows(self, server: str, gain: int) -> bool:
        """Whether the server may see what adds ``gain`` pixels; what adds none always may."""
        return gain == 0 or self.seen + gain <= self.most

    def together(self, gains: Sequence[int]) -> int:
        """How many pixels a box adds that several servers get: ``gains`` are of the same ones."""
        return max(gains)

    def enter(self, server: str, gain: int) -> None:
        """Count what the server sees."""
        self.seen += gain

    def excess(self) -> str:
        """By how much the limit is exceeded already, in words; empty if it is not."""
        if self.region is not None:
            marked = int(np.count_nonzero(self.region))
            everyone = "all servers together"
            return _excess(everyone, "a protected region", self.seen, self.most, marked)
        total = self.coverage.size[0] * self.coverage.size[1]
        return _excess(" and ".join(self.group), "the scene", self.seen, self.most, total)


class SumLimit:
    """A bound on every coalition of ``size`` servers where there are too many to go through.

    The sum of the largest exposures is never less than what the servers have seen together, so it
    keeps the promise, and sends less than the exact limit would.
    """

    def __init__(self, coverage: Coverage, servers: Sequence[str], most: int, size: int) -> None:
        self.coverage = coverage
        self.most = most
        self.size = size
        self.seen = {name: int(np.count_nonzero(coverage.of(name))) for name in servers}

    def gain(self, server: str, box: Box) -> int:
        """As in `GroupLimit`."""
        return int(np.count_nonzero(~self.coverage.of(server)[_slices(box)]))

    def allows(self, server: str, gain: int) -> bool:
        """As in `GroupLimit`."""
        others = sorted(seen for name, seen in self.seen.items() if name != server)
        largest = sum(others[::-1][: self.size - 1])
        return gain == 0 or self.seen[server] + gain + largest <= self.most

    def together(self, gains: Sequence[int]) -> int:
        """As in `GroupLimit`, but each counts on its own."""
        return sum(gains)

    def enter(self, server: str, gain: int) -> None:
        """As in `GroupLimit`."""
        self.seen[server] += gain

    def excess(self) -> str:
        """As in `GroupLimit`; what several servers have seen alike counts once for each."""
        largest = sum(sorted(self.seen.values())[::-1][: self.size])
        total = self.coverage.size[0] * self.coverage.size[1]
        return _excess(f"up to {self.size} servers", "the scene", largest, self.most, total)


Limit = GroupLimit | SumLimit


def _excess(who: str, what: str, seen: int, most: int, total: int) -> str:
    if seen <= most:
        return ""
    return f"{who} saw {seen / total:.2%} of {what}, the cap is {most / total:.2%}"


def _slices(box: Box) -> tuple[slice, slice]:
    y0, x0, y1, x1 = box
    return slice(y0, y1), slice(x0, x1)
