"""How well one score of pictures tells an outcome: three measures with their intervals.

Spearman's rank correlation, the point-biserial correlation, and the area under the ROC curve
(Mann and Whitney, Annals of Mathematical Statistics 1947). Whole clusters are resampled, as in
`bench.report.statistics`; ranks are taken anew in each resample.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.report.statistics import LEVEL, SEED, Interval
from framework.errors import PedbenchError

RESAMPLES = 1000
AT_ONCE = 100
"""Resamples computed together."""

Floats = NDArray[np.float64]


class Association(NamedTuple):
    """How a score and an outcome go together; NaN where that has no meaning.

    Attributes:
        spearman: of score and outcome, -1 to 1.
        biserial: the correlation of the score with whether the outcome is above 0, -1 to 1.
        auc: the chance that a picture with an outcome above 0 scores higher than one without,
            0 to 1; 0.5 tells nothing.
    """

    spearman: Interval
    biserial: Interval
    auc: Interval


def association(score: ArrayLike, outcome: ArrayLike, clusters: Sequence[Hashable]) -> Association:
    """The association of n scores with n outcomes.

    Args:
        score, outcome: finite.
        clusters: n labels; equal labels belong together.

    Raises:
        PedbenchError: there are no values, they are not finite, or their numbers differ.
    """
    x, y = np.asarray(score, float), np.asarray(outcome, float)
    if not len(x) == len(y) == len(clusters) or not len(x):
        raise PedbenchError(f"{len(x)} scores, {len(y)} outcomes: give one each, and at least one")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise PedbenchError("an association needs finite values: leave the others out first")
    drawn = np.concatenate([_measures(x, y, weights) for weights in _weights(clusters)], axis=1)
    return Association(*map(_interval, drawn))


def _weights(clusters: Sequence[Hashable]) -> Iterator[Floats]:
    """How often each value counts, [draws, n]: once first, then as its cluster is drawn."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(clusters))}
    members = np.array([numbers[label] for label in clusters])
    n = len(numbers)
    yield np.ones((1, len(members)))
    if n > 1:
        rng = np.random.default_rng(SEED)
        for _ in range(RESAMPLES // AT_ONCE):
            drawn = rng.multinomial(n, np.full(n, 1 / n), size=AT_ONCE).astype(float)
            yield drawn[:, members]


def _measures(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Spearman, point-biserial and area, [3, draws]."""
    happened = (y > 0).astype(float)
    x_ranks, y_ranks = _mid_ranks(x, weights), _mid_ranks(y, weights)
    yes = (weights * happened).sum(axis=1)
    no = weights.sum(axis=1) - yes
    above = (weights * happened * x_ranks).sum(axis=1) - yes**2 / 2
    both = (yes > 0) & (no > 0)
    area = np.divide(above, yes * no, out=np.full_like(yes, np.nan), where=both)
    biserial = _pearson(np.broadcast_to(x, weights.shape), happened, weights)
    return np.stack([_pearson(x_ranks, y_ranks, weights), biserial, area])


def _mid_ranks(values: Floats, weights: Floats) -> Floats:
    """The weight below each value and half the weight of its equals, [draws, n]."""
    order = np.argsort(values, kind="stable")
    _, starts, place = np.unique(values[order], return_index=True, return_inverse=True)
    tied = np.add.reduceat(weights[:, order], starts, axis=1)
    middle = np.cumsum(tied, axis=1) - tied / 2
    ranks = np.empty_like(weights)
    ranks[:, order] = middle[:, place]
    return ranks


def _pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Weighted correlations, [draws]; NaN where either does not vary."""
    total = weights.sum(axis=1, keepdims=True)
    dx = x - (weights * x).sum(axis=1, keepdims=True) / total
    dy = y - (weights * y).sum(axis=1, keepdims=True) / total
    shared = (weights * dx * dy).sum(axis=1)
    spread = np.sqrt((weights * dx**2).sum(axis=1) * (weights * dy**2).sum(axis=1))
    varies = spread > 1e-12
    found: Floats = np.divide(shared, spread, out=np.full_like(shared, np.nan), where=varies)
    return found


def _interval(values: Floats) -> Interval:
    """The first value with the interval of the others."""
    known = values[1:][np.isfinite(values[1:])]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known, [tail, 1 - tail]) if len(known) else (np.nan, np.nan)
    return Interval(float(values[0]), float(low), float(high))
