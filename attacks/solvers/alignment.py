"""Moving tokens of one model to where those of another lie, by their moments alone.

No token of one model is paired with a token of the other: the photos behind them differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from attacks.solvers.ridge import STRENGTHS, LinearMap, Matrix, Moments, solve

FLOOR = 1e-6
"""Least variance along any axis, relative to the mean variance."""


@dataclass(frozen=True)
class Gaussian:
    """Mean [channels] and covariance [channels, channels] of tokens."""

    mean: Matrix
    covariance: Matrix

    @classmethod
    def of(cls, tokens: Sequence[NDArray[np.floating]]) -> Gaussian:
        """Of all rows of arrays [tokens, channels]."""
        rows = np.concatenate(tokens).astype(np.float64)
        mean = rows.mean(axis=0)
        centred = rows - mean
        covariance = centred.T @ centred / len(rows)
        least = max(FLOOR * float(np.trace(covariance)) / len(mean), np.finfo(float).tiny)
        return cls(mean, covariance + least * np.eye(len(mean)))

    def moved(self, by: LinearMap) -> Gaussian:
        """Of the same tokens, moved."""
        mean = by.mean_y + (self.mean - by.mean_x) @ by.matrix
        return Gaussian(mean, by.matrix.T @ self.covariance @ by.matrix)


def root(matrix: Matrix) -> Matrix:
    """The symmetric square root of a symmetric, positive semi-definite matrix."""
    values, axes = np.linalg.eigh(matrix)
    return (axes * np.sqrt(np.maximum(values, 0))) @ axes.T


def divergence(a: Gaussian, b: Gaussian) -> float:
    """The Kullback-Leibler divergence of ``a`` from ``b``, both Gaussian, in nats.

    It weighs every direction by how much ``b`` varies there, so that patterns which are rare in
    photos tell as much as brightness does.
    """
    channels, inverse = len(a.mean), np.linalg.inv(b.covariance)
    apart = a.mean - b.mean
    least = FLOOR * float(np.trace(b.covariance)) / channels * np.eye(channels)
    spread = a.covariance + least
    volumes = np.linalg.slogdet(b.covariance)[1] - np.linalg.slogdet(spread)[1]
    return float(np.trace(inverse @ spread) + apart @ inverse @ apart - channels + volumes) / 2


def leave(source: Gaussian, target: Gaussian) -> LinearMap:
    """Moves nothing."""
    return LinearMap(np.eye(len(source.mean)), source.mean, source.mean)


def standardise(source: Gaussian, target: Gaussian) -> LinearMap:
    """Gives each channel the mean and standard deviation that it has in ``target``."""
    ratio = np.diag(target.covariance) / np.diag(source.covariance)
    return LinearMap(np.diag(np.sqrt(ratio)), source.mean, target.mean)


def transport(source: Gaussian, target: Gaussian) -> LinearMap:
    """The optimal transport of ``source`` to ``target``: whitens and colours, and turns least.

    In closed form (Dowson and Landau, J. Multivariate Analysis 12, 1982).
    """
    half = root(source.covariance)
    back = np.linalg.inv(half)
    matrix = back @ root(half @ target.covariance @ half) @ back
    return LinearMap(matrix, source.mean, target.mean)


Tokens = Sequence[NDArray[np.floating]]
"""Tokens [tokens, channels] of a photo each."""
Way = Callable[[Tokens, Tokens], LinearMap]


def by_moments(way: Callable[[Gaussian, Gaussian], LinearMap]) -> Way:
    """A way that needs no more of tokens than their mean and covariance."""
    return lambda source, target: way(Gaussian.of(source), Gaussian.of(target))


STAY = by_moments(leave)
WAYS: tuple[Way, ...] = (STAY, by_moments(standardise), by_moments(transport))
NOISES = STRENGTHS[::2]


@dataclass(frozen=True)
class Adjustment:
    """What to do about a model that is not quite the one learned from.

    Attributes:
        move: for its tokens.
        noise: what remains different, taken for noise on each channel: its variance, relative to
            the mean variance of a channel.
    """

    move: LinearMap
    noise: float


def adjust(
    theirs: Tokens,
    own: Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]],
    ways: Sequence[Way] = WAYS,
) -> Adjustment:
    """How tokens of one model are best read as those of another, without a pair of both.

    Judged by what comes of it: the ridge regression from the other's tokens to patches, used on
    these, must give patches with the mean and covariance that patches have (`divergence`). Each of
    ``ways`` and of `NOISES` is fitted to every other photo and judged on the rest. Noise matters
    where the regression is ill-conditioned: there it blows up the smallest difference of models.

    Args:
        theirs: tokens [tokens, channels] of a photo each, of the model attacked.
        own: tokens and patches [tokens, values] of other photos, of the model learned from.
        ways: tried.
    """
    examples = sum_moments(own[::2])
    inputs = [x for x, _ in own]
    seen = Gaussian.of(theirs[1::2] or theirs)
    patches = Gaussian.of([y for _, y in own[1::2] or own])
    maps = [solve(examples, noise) for noise in NOISES]
    moves = [way(theirs[::2], inputs[::2]) for way in ways]
    missed = [[divergence(seen.moved(m).moved(fit), patches) for fit in maps] for m in moves]
    way, noise = divmod(int(np.argmin(missed)), len(maps))
    return Adjustment(ways[way](theirs, inputs), float(NOISES[noise]))


def sum_moments(
    examples: Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]],
) -> Moments:
    """The moments of all examples together."""
    return reduce(add, (Moments.of(x, y) for x, y in examples))
