"""How to mix several guesses of one thing, by what they missed on examples.

Stacked generalisation (Wolpert, Neural Networks 5, 1992) with weights that are not negative and sum
to 1, as Breiman found best (Stacked regressions, Machine Learning 24, 1996). Weights are shrunk
towards the guess that is best alone, as far as examples left out want it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STRENGTHS = 10.0 ** np.arange(-4, 1.01, 0.5)
"""Shrinkages tried, relative to the squared error of the guess that is best alone."""
ALONE = 1e6
"""The shrinkage that stands for the best guess alone."""
FOLDS = 5
TURNS = 400


@dataclass(frozen=True)
class Missed:
    """Second moments of what guesses miss, by kind of place.

    Attributes:
        moments: sums over pixels of the product of two guesses' errors, each pixel with its share
            in two kinds of place, [kinds, guesses, kinds, guesses].
    """

    moments: Array

    @classmethod
    def of(
        cls, errors: NDArray[np.floating], shares: NDArray[np.floating], weight: float = 1.0
    ) -> Missed:
        """Of one example.

        Args:
            errors: of each guess, [pixels, values, guesses].
            shares: of each kind of place in each pixel, [pixels, kinds], sums of 1.
            weight: how much a pixel of this example counts.
        """
        parts = np.einsum("pvg,pk->pvkg", errors, shares).astype(np.float64)
        kinds, guesses = parts.shape[2:]
        flat = parts.reshape(-1, kinds * guesses)
        moments = (flat.T @ flat).reshape(kinds, guesses, kinds, guesses)
        return cls(moments * weight)

    def __add__(self, other: Missed) -> Missed:
        return Missed(self.moments + other.moments)

    def of_mixture(self, weights: Array) -> float:
        """The squared error of mixtures by ``weights`` [kinds, guesses]."""
        flat = weights.ravel()
        size = len(flat)
        return float(flat @ self.moments.reshape(size, size) @ flat)


def stack(examples: Sequence[Missed]) -> Array:
    """The weights of guesses in each kind of place, [kinds, guesses].

    The shrinkage does best on examples left out, one of `FOLDS` parts at a time; the best guess
    alone is a candidate.
    """
    strengths = (*STRENGTHS, ALONE)
    if len(examples) < 2:
        return _mixed(reduce(Missed.__add__, examples), ALONE)
    parts = [examples[start::FOLDS] for start in range(min(FOLDS, len(examples)))]
    sums = [reduce(Missed.__add__, part) for part in parts]
    errors = np.zeros(len(strengths))
    for left_out in range(len(sums)):
        rest = reduce(Missed.__add__, sums[:left_out] + sums[left_out + 1 :])
        errors += [sums[left_out].of_mixture(_mixed(rest, s)) for s in strengths]
    return _mixed(reduce(Missed.__add__, sums), strengths[int(np.argmin(errors))])


def _mixed(missed: Missed, strength: float) -> Array:
    """The weights that err least, shrunk towards the best guess alone, by projected descent.

    Accelerated after Beck and Teboulle (SIAM J. Imaging Sciences 2, 2009).
    """
    kinds, guesses = missed.moments.shape[:2]
    size = kinds * guesses
    alone = [missed.of_mixture(np.tile(row, (kinds, 1))) for row in np.eye(guesses)]
    best = np.tile(np.eye(guesses)[int(np.argmin(alone))], (kinds, 1))
    if strength >= ALONE:
        return best
    matrix = missed.moments.reshape(size, size) / max(min(alone), np.finfo(float).tiny) * kinds
    matrix = matrix + strength * np.eye(size)
    rate = 1 / np.linalg.eigvalsh(matrix)[-1]
    weights, ahead, speed = best, best, 1.0
    for _ in range(TURNS):
        slope = (matrix @ ahead.ravel()).reshape(kinds, guesses) - strength * best
        found = _to_simplex(ahead - rate * slope)
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        ahead = found + (speed - 1) / faster * (found - weights)
        weights, speed = found, faster
    return weights


def _to_simplex(rows: Array) -> Array:
    """The nearest rows that are not negative and sum to 1 (Duchi et al., ICML 2008)."""
    falling = -np.sort(-rows, axis=1)
    excess = (np.cumsum(falling, axis=1) - 1) / np.arange(1, rows.shape[1] + 1)
    last = (falling > excess).sum(axis=1) - 1
    return np.maximum(rows - excess[np.arange(len(rows)), last][:, None], 0)
