"""Windows of one shard chosen so that they tell as little as possible about the others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.split.defences.disguise.decoys import packaged_photos
from framework.split.policies.base import POLICIES
from framework.split.policies.sticky import Sticky
from framework.split.windows import Window

Places = tuple[tuple[int, int], ...]

STARTS = 4
"""Random dealings from which the search begins; the best end is kept."""
WINDOWS_PER_SIDE = 5
"""Of the input of SAM and of `tiny`."""
CELLS = 4
"""Per window and side, at which correlation is measured."""
SHORTEST = 0.1
"""Correlation length, in windows, of photos whose cells do not resemble each other."""
TOLERANCE = 1e-9
NUGGET = 0.05
"""Share of a window's variance that no other window predicts."""


@POLICIES.register("leakage_aware")
class LeakageAware(Sticky):
    """Minimises what the windows of each shard predict of the windows it lacks.

    The photo is taken for a Gaussian field whose correlation falls exponentially with distance
    (`correlation_length`, estimated on public photos). What a shard can predict is then the
    variance of the other windows that kriging from its own explains. The dealing with the least
    sum over shards is searched by swaps of windows. A secret key decides which shard gets which
    set, so that a scene is dealt alike for ever, as by ``sticky``.
    """

    summary = "windows of one shard tell the least about the others, by covariance of photos"
    sign: ClassVar[int] = 1

    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        places = tuple((window.row, window.col) for window in windows)
        sets = best_sets(places, n_shards, self.sign)
        longest = max(map(len, sets), default=0)
        shuffled = [sets[i] for i in rng.permutation(len(sets))]
        ranked = sorted(shuffled, key=lambda held: longest - len(held))
        return [windows[i] for held in ranked for i in held]


@POLICIES.register("leakage_prone")
class LeakageProne(LeakageAware):
    """The opposite of `LeakageAware`, for comparison: each shard predicts as much as it can."""

    summary = "the opposite of leakage_aware, for comparison"
    sign = -1


@cache
def best_sets(places: Places, n_shards: int, sign: int) -> list[list[int]]:
    """Indices of ``places`` in ``n_shards`` sets of even size, found by swaps from random starts.

    Args:
        places: row and column of each window.
        sign: 1 to predict as little as possible, -1 as much as possible.
    """
    correlation = window_correlation(places, correlation_length())
    ends = []
    for start in range(STARTS):
        order = np.random.default_rng(start).permutation(len(places))
        sets = np.array_split(order, n_shards)
        while any(
            _swap(sets, a, b, correlation, sign) for a, b in combinations(range(n_shards), 2)
        ):
            pass
        ends.append((sum(sign * predicted(held, correlation) for held in sets), sets))
    return [held.tolist() for held in min(ends, key=lambda end: end[0])[1]]


def _swap(
    sets: list[NDArray[np.int_]], a: int, b: int, correlation: NDArray[np.float64], sign: int
) -> bool:
    """Carry out the best swap between two sets; whether there was one that helps."""
    if len(sets[a]) == len(sets[b]) == 1:
        return False
    i, j = (index.ravel() for index in np.indices((len(sets[a]), len(sets[b]))))
    if not len(i):
        return False
    one, other = np.tile(sets[a], (len(i), 1)), np.tile(sets[b], (len(i), 1))
    trial = np.arange(len(i))
    one[trial, i], other[trial, j] = sets[b][j], sets[a][i]
    found = sign * (predicted(one, correlation) + predicted(other, correlation))
    best = int(found.argmin())
    before = sign * (predicted(sets[a], correlation) + predicted(sets[b], correlation))
    if found[best] > before - TOLERANCE:
        return False
    sets[a], sets[b] = one[best], other[best]
    return True


def predicted(held: NDArray[np.int_], correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance of the other windows that those in ``held`` explain; a window's own is 1.

    Args:
        held: indices of windows, [..., n].

    Returns:
        For each set, [...]. It is the trace of K⁻¹ (K K') over the held windows, less their own n.
    """
    rows, columns = held[..., :, None], held[..., None, :]
    squared = (correlation @ correlation)[rows, columns]
    explained = np.linalg.solve(correlation[rows, columns], squared)
    return np.asarray(np.trace(explained, axis1=-2, axis2=-1) - held.shape[-1])


def window_correlation(places: Places, length: float) -> NDArray[np.float64]:
    """Correlation of windows at ``places``, [n, n]; ``length`` in windows."""
    points = np.array(places, float).reshape(-1, 2)
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return (1 - NUGGET) * np.exp(-distance / length) + NUGGET * np.eye(len(points))


def correlation_length(photos: Sequence[NDArray[np.uint8]] | None = None) -> float:
    """Distance, in windows, at which the correlation of brightness has fallen to 1/e.

    Args:
        photos: uint8 [height, width, 3] each; by default those that scikit-image carries.
    """
    return _packaged_length() if photos is None else _length(photos)


@cache
def _packaged_length() -> float:
    return _length(packaged_photos())


def _length(photos: Sequence[NDArray[np.uint8]]) -> float:
    lags = np.arange(1, CELLS * WINDOWS_PER_SIDE // 2)
    found = np.mean([_correlations(_cells(photo), lags) for photo in photos], axis=0)
    near = found > 1 / np.e**2
    if not near.any():
        return SHORTEST
    distance = lags[near] / CELLS
    return float(-(distance**2).sum() / (distance * np.log(found[near])).sum())


def _cells(photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Brightness of cells, several a window, less its mean: float64 [rows, columns]."""
    side = CELLS * WINDOWS_PER_SIDE
    scale = side / max(photo.shape[:2])
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    small = cv2.resize(photo.mean(axis=2), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small - small.mean(), np.float64)


def _correlations(cells: NDArray[np.float64], lags: NDArray[np.int_]) -> NDArray[np.float64]:
    """Mean correlation of cells ``lags`` apart along rows and columns."""
    fits = [lag for lag in lags if lag < min(cells.shape)]
    along = [[(c[:, lag:] * c[:, :-lag]).mean() for lag in fits] for c in (cells, cells.T)]
    found = np.full(len(lags), 0.0)
    found[: len(fits)] = np.mean(along, axis=0) / cells.var()
    return found
