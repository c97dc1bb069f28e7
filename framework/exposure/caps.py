"""How much servers may see, as a user states it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, floor

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.exposure.coverage import Coverage, GroupLimit, Limit, Mask, SumLimit

MOST_COALITIONS = 200
"""Up to so many coalitions are watched one by one; beyond, a safe bound takes their place."""


@dataclass(frozen=True, eq=False)
class Protected:
    """A region of which at most a fraction may leave the edge, to all servers together.

    Attributes:
        region: a box x0, y0, x1, y1 or a mask, bool [height, width], in scene pixels.
        fraction: 0 keeps every window that shows any of it at home.

    Raises:
        PedbenchError: the box is empty or the fraction is none.
    """

    region: tuple[int, int, int, int] | NDArray[np.bool_]
    fraction: float = 0.0

    def __post_init__(self) -> None:
        _check(self.fraction, "a protected region")
        if isinstance(self.region, tuple):
            x0, y0, x1, y1 = self.region
            if not (0 <= x0 < x1 and 0 <= y0 < y1):
                raise PedbenchError(f"box {self.region} is empty: give 0 <= x0 < x1, 0 <= y0 < y1")

    def mask(self, size: tuple[int, int]) -> Mask:
        """The region in a scene of ``size`` (height, width).

        Raises:
            PedbenchError: it does not lie in such a scene.
        """
        if isinstance(self.region, tuple):
            x0, y0, x1, y1 = self.region
            mask = np.zeros(size, dtype=bool)
            mask[y0:y1, x0:x1] = True
        else:
            mask = np.asarray(self.region, dtype=bool)
        if mask.shape != size or not mask.any():
            raise PedbenchError(
                f"a protected region does not lie in the scene of {size[1]}x{size[0]} pixels: "
                "give a box within it, or a mask of its size that marks something"
            )
        return mask


@dataclass(frozen=True, eq=False)
class Caps:
    """Limits on what servers have seen of a scene, over all time or over a sliding window.

    Attributes:
        per_server: largest fraction of the scene for any one server.
        coalition: size ``c`` and largest fraction for any ``c`` servers together.
        protected: regions with limits of their own.
        frames: the limits hold for so many consecutive pictures of the scene of which anything was
            sent; for all when None.

    Raises:
        PedbenchError: a fraction is outside 0 to 1, or the coalition has no members, or there are
            no frames.
    """

    per_server: float = 1.0
    coalition: tuple[int, float] | None = None
    protected: Sequence[Protected] = ()
    frames: int | None = None

    def __post_init__(self) -> None:
        if self.frames is not None and self.frames < 1:
            raise PedbenchError(f"caps over {self.frames} frames: give at least 1")
        _check(self.per_server, "a server")
        if self.coalition is not None:
            _check(self.coalition[1], "a coalition")
            if self.coalition[0] < 1:
                raise PedbenchError(f"a coalition of {self.coalition[0]}: give at least 1 server")

    def limits(self, coverage: Coverage, servers: Sequence[str]) -> list[Limit]:
        """Every limit that follows for these servers, with what was seen already."""
        pixels = coverage.size[0] * coverage.size[1]
        limits: list[Limit] = [
            GroupLimit(coverage, (server,), _part(pixels, self.per_server)) for server in servers
        ]
        if self.coalition is not None:
            size, most = self.coalition[0], _part(pixels, self.coalition[1])
            size = min(size, len(servers))
            if comb(len(servers), size) <= MOST_COALITIONS:
                groups = combinations(servers, size)
                limits += [GroupLimit(coverage, group, most) for group in groups]
            else:
                limits.append(SumLimit(coverage, servers, most, size))
        for protected in self.protected:
            mask = protected.mask(coverage.size)
            most = _part(int(np.count_nonzero(mask)), protected.fraction)
            limits.append(GroupLimit(coverage, servers, most, mask))
        return limits


def _part(pixels: int, fraction: float) -> int:
    return floor(pixels * fraction + 1e-6)


def _check(fraction: float, what: str) -> None:
    if not 0 <= fraction <= 1:
        raise PedbenchError(f"the cap of {what} is {fraction}: give a fraction from 0 to 1")
