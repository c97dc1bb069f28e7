"""Moving tokens of one model to where those of another lie, by their moments alone.

No token of one model is paired with a token of the other: the photos behind them differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attacks.linear import LinearMap, Matrix

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


def distance(a: Gaussian, b: Gaussian) -> float:
    """The squared 2-Wasserstein distance of two Gaussians."""
    half = root(a.covariance)
    common = float(np.trace(root(half @ b.covariance @ half)))
    spread = float(np.trace(a.covariance) + np.trace(b.covariance)) - 2 * common
    return float(((a.mean - b.mean) ** 2).sum()) + spread


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


WAYS: tuple[Callable[[Gaussian, Gaussian], LinearMap], ...] = (leave, standardise, transport)


def align(
    source: Sequence[NDArray[np.floating]], target: Sequence[NDArray[np.floating]]
) -> LinearMap:
    """Moves ``source`` to ``target`` in the way that does best on the held-out half of the photos.

    Each of `WAYS` is fitted to every other photo and judged on the rest by `distance`; the best is
    then fitted to all. With fewer than two photos on a side nothing is moved.

    Args:
        source, target: tokens [tokens, channels] of one photo each; other photos on each side.
    """
    if min(len(source), len(target)) < 2:
        mean = np.concatenate(source).mean(axis=0, dtype=np.float64)
        return LinearMap(np.eye(len(mean)), mean, mean)
    fitted = Gaussian.of(source[::2]), Gaussian.of(target[::2])
    judged = Gaussian.of(source[1::2]), Gaussian.of(target[1::2])
    missed = [distance(judged[0].moved(way(*fitted)), judged[1]) for way in WAYS]
    return WAYS[int(np.argmin(missed))](Gaussian.of(source), Gaussian.of(target))
