"""Blind identification: a linear map of patches found from what comes out of it alone.

Tokens x = y·E of photos that nobody knows have the covariances of patches y, seen through E. So far
as other photos have the same covariances, whitening leaves an orthogonal matrix to be found, and
the covariances between neighbours tell it, since whitened they are those of patches turned by it
(second-order blind identification, Belouchrani et al., IEEE Trans. Signal Processing 45(2), 1997).
Shapes are estimated by Tyler's method (Annals of Statistics 15, 1987), which no single photo of
strong contrast can sway, and which commutes with E.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attacks.solvers.ridge import Matrix

SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0))
"""Neighbours whose covariances are compared: rows down, columns right."""
TYLER_STEPS = 8
TURNS = 60
TRIALS = 2
SMALL = 1e-3
"""Square that is added to each channel's before a token is divided by its length."""

Maps = Sequence[NDArray[np.floating]]
"""One [rows, columns, channels] a photo; sizes differ."""


@dataclass(frozen=True)
class Signals:
    """Tokens or patches of some photos, whitened.

    Attributes:
        white, colour: the whitening matrix and its inverse, symmetric.
        lagged: covariance of x with its neighbour x′ at each of `SHIFTS`, whitened and scaled to
            one length.
        cubes: mean of (x·x′)·x likewise, which tells a picture from its negative.
        root: the square root of the plain covariance.
    """

    white: Matrix
    colour: Matrix
    lagged: tuple[Matrix, ...]
    cubes: tuple[Matrix, ...]
    root: Matrix

    @classmethod
    def of(cls, maps: Maps, window: int) -> Signals:
        """Of centred maps; neighbours count where they are in one window of that side."""
        rows = np.concatenate([m.reshape(-1, m.shape[-1]) for m in maps]).astype(np.float64)
        shape = _tyler(rows)
        white, colour = _power(shape, -0.5), _power(shape, 0.5)
        even = [_even(m @ white) for m in maps]
        lagged, cubes = zip(*(_lagged(even, shift, window) for shift in SHIFTS), strict=True)
        return cls(white, colour, lagged, cubes, _power(rows.T @ rows / len(rows), 0.5))


def centred(maps: Maps, size: tuple[int, int]) -> tuple[list[Matrix], Matrix]:
    """Maps less the mean over photos of each place, and that mean [*size, channels].

    Places that no photo reaches have the mean of all.
    """
    total = np.zeros((*size, maps[0].shape[-1]))
    count = np.zeros((*size, 1))
    for m in maps:
        total[: m.shape[0], : m.shape[1]] += m
        count[: m.shape[0], : m.shape[1]] += 1
    everywhere = total.sum(axis=(0, 1)) / count.sum()
    mean = np.where(count > 0, total / np.maximum(count, 1), everywhere)
    return [m.astype(np.float64) - mean[: m.shape[0], : m.shape[1]] for m in maps], mean


def unmixing(mixed: Signals, plain: Signals, seed: int, turns: int = TURNS) -> Matrix:
    """The matrix that turns centred tokens into centred patches, [channels, values].

    Args:
        mixed: of tokens.
        plain: of patches, of as many channels.
        seed: of the sums of covariances from which the search starts.
        turns: of the search, from each start.
    """
    found = _rotation(mixed, plain, seed, turns)
    rough = mixed.white @ found.T @ plain.colour
    turned = _orthogonal(mixed.root @ rough @ np.linalg.pinv(plain.root))
    return np.linalg.pinv(mixed.root) @ turned @ plain.root


def _rotation(mixed: Signals, plain: Signals, seed: int, turns: int = TURNS) -> Matrix:
    """The orthogonal R with whitened patches = whitened tokens · Rᵀ, from several starts."""
    rng = np.random.default_rng(seed)
    tried = []
    for _ in range(TRIALS):
        weights = rng.uniform(0.2, 1, len(SHIFTS))
        start = _start(mixed.lagged, plain.lagged, weights)
        tried.append(_turned(start, mixed.lagged, plain.lagged, turns))
    best = max(tried, key=lambda r: _agreement(r, mixed.lagged, plain.lagged))
    cubes = zip(mixed.cubes, plain.cubes, strict=True)
    return best if sum(float(own @ best @ theirs) for theirs, own in cubes) >= 0 else -best


def _start(mixed: Sequence[Matrix], plain: Sequence[Matrix], weights: Matrix) -> Matrix:
    """Axes of a weighted sum of covariances matched by their variance, signs by all of them."""
    axes = [
        np.linalg.eigh(sum(w * (m + m.T) for w, m in zip(weights, side, strict=True)))[1]
        for side in (mixed, plain)
    ]
    pairs = zip(mixed, plain, strict=True)
    alike = sum((axes[0].T @ a @ axes[0]) * (axes[1].T @ b @ axes[1]) for a, b in pairs)
    alike = alike + alike.T
    np.fill_diagonal(alike, 0)
    signs = np.where(np.linalg.eigh(alike)[1][:, -1] < 0, -1.0, 1.0)
    return (axes[1] * signs) @ axes[0].T


def _turned(start: Matrix, mixed: Sequence[Matrix], plain: Sequence[Matrix], turns: int) -> Matrix:
    """The orthogonal matrix near ``start`` under which the covariances agree best."""
    found = start
    for _ in range(turns):
        pairs = zip(mixed, plain, strict=True)
        uphill = sum(b @ found @ a.T + b.T @ found @ a for a, b in pairs)
        found = _orthogonal(uphill + found / 2)
    return found


def _agreement(found: Matrix, mixed: Sequence[Matrix], plain: Sequence[Matrix]) -> float:
    pairs = zip(mixed, plain, strict=True)
    return float(sum((a * (found.T @ b @ found)).sum() for a, b in pairs))


def _tyler(rows: Matrix) -> Matrix:
    """Tyler's shape matrix, of mean variance like the plain covariance."""
    plain = rows.T @ rows / len(rows)
    shape = plain
    for _ in range(TYLER_STEPS):
        length = ((rows @ _power(shape, -0.5)) ** 2).mean(axis=1) + SMALL
        shape = (rows / length[:, None]).T @ rows / len(rows)
    return shape * np.trace(plain) / np.trace(shape)


def _even(tokens: Matrix) -> Matrix:
    """Tokens of one length, but those that are next to nothing."""
    return tokens / np.sqrt((tokens**2).mean(axis=-1, keepdims=True) + SMALL)


def _lagged(maps: Maps, shift: tuple[int, int], window: int) -> tuple[Matrix, Matrix]:
    """Means of xᵀx′ and (x·x′)·x over tokens x and their neighbours x′ in the same window."""
    channels, count = maps[0].shape[-1], 0
    total, cubes = np.zeros((channels, channels)), np.zeros(channels)
    for m in maps:
        rows, here_rows = _places(m.shape[0], shift[0], window)
        columns, here_columns = _places(m.shape[1], shift[1], window)
        here = m[np.ix_(rows, columns)].reshape(-1, m.shape[-1])
        there = m[np.ix_(here_rows, here_columns)].reshape(-1, m.shape[-1])
        total += here.T @ there
        cubes += (here * there).sum(axis=1) @ here
        count += len(here)
    return total / max(count, 1), cubes / max(count, 1)


def _places(length: int, shift: int, window: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Along one side, the places whose neighbour lies in the same window, and the neighbours."""
    place = np.arange(length)
    other = place + shift
    inside = (other >= 0) & (other < length) & (place // window == other // window)
    return place[inside], other[inside]


def _power(matrix: Matrix, exponent: float) -> Matrix:
    values, axes = np.linalg.eigh(matrix)
    least = max(1e-9 * float(values[-1]), np.finfo(float).tiny)
    return (axes * np.maximum(values, least) ** exponent) @ axes.T


def _orthogonal(matrix: Matrix) -> Matrix:
    left, _, right = np.linalg.svd(matrix)
    return left @ right
