"""Ridge regression from second moments, so that any number of examples takes the same memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

STRENGTHS = 10.0 ** np.arange(-10, 2.01, 0.5)
"""Regularisations tried, relative to the mean variance of an input."""
SMALLEST = 1e-12
"""Mean variance that stands in where inputs do not vary at all."""


@dataclass
class Moments:
    """Sums over examples (x, y): 1, x, y, xxᵀ, xyᵀ and |y|²."""

    count: float
    x: Matrix
    y: Matrix
    xx: Matrix
    xy: Matrix
    yy: float

    @classmethod
    def of(cls, x: NDArray[np.floating], y: NDArray[np.floating]) -> Moments:
        """Sums over the rows of ``x`` [n, inputs] and ``y`` [n, outputs]."""
        x, y = x.astype(np.float64), y.astype(np.float64)
        return cls(len(x), x.sum(0), y.sum(0), x.T @ x, x.T @ y, float((y * y).sum()))

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count,
            self.x + other.x,
            self.y + other.y,
            self.xx + other.xx,
            self.xy + other.xy,
            self.yy + other.yy,
        )

    def centred(self, x: Matrix, y: Matrix) -> tuple[Matrix, Matrix, float]:
        """Mean of xxᵀ, xyᵀ and |y|² about the points ``x`` and ``y``."""
        n = self.count
        own_x, own_y = self.x / n, self.y / n
        xx = self.xx / n - np.outer(own_x, own_x) + np.outer(own_x - x, own_x - x)
        xy = self.xy / n - np.outer(own_x, own_y) + np.outer(own_x - x, own_y - y)
        yy = self.yy / n - own_y @ own_y + (own_y - y) @ (own_y - y)
        return xx, xy, float(yy)


@dataclass(frozen=True)
class LinearMap:
    """y ≈ ``mean_y`` + (x − ``mean_x``) · ``matrix``, [inputs, outputs]."""

    matrix: Matrix
    mean_x: Matrix
    mean_y: Matrix


def ridge(training: Moments, held_out: Moments) -> tuple[LinearMap, float]:
    """The ridge regression whose strength does best on held-out examples.

    The strength is chosen with ``training`` alone, the map then solved with both.

    Returns:
        The map, and the mean squared error per output that its strength had on ``held_out``.
    """
    means = training.x / training.count, training.y / training.count
    xx, xy, _ = training.centred(*means)
    test_xx, test_xy, test_yy = held_out.centred(*means)
    variances, axes = np.linalg.eigh(xx)
    along, test_along = axes.T @ xy, axes.T @ test_xy
    test_spread = axes.T @ test_xx @ axes
    unit = max(float(np.trace(xx)) / len(xx), SMALLEST)
    errors = []
    for strength in STRENGTHS:
        matrix = along / (np.maximum(variances, 0) + strength * unit)[:, None]
        fitted = (matrix * (test_spread @ matrix - 2 * test_along)).sum()
        errors.append(float(test_yy + fitted) / len(training.y))
    best = int(np.argmin(errors))
    return solve(training + held_out, float(STRENGTHS[best])), max(errors[best], 0.0)


def solve(moments: Moments, strength: float) -> LinearMap:
    """The ridge regression of a given strength, relative to the mean variance of an input."""
    means = moments.x / moments.count, moments.y / moments.count
    xx, xy, _ = moments.centred(*means)
    unit = max(float(np.trace(xx)) / len(xx), SMALLEST)
    regular = xx + strength * unit * np.eye(len(xx))
    return LinearMap(scipy.linalg.solve(regular, xy, assume_a="pos"), *means)
