"""Means with bootstrap intervals, gains, and the worst case over attacks.

Values of one image (or, for frames, of one scene) are not independent, so whole clusters are
resampled (Field & Welsh, Journal of the Royal Statistical Society B 2007). Intervals are
percentile intervals (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import PedbenchError

RESAMPLES = 2000
LEVEL = 0.95
SEED = 0

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A mean and its 95 % interval; the bounds are NaN where there is only one cluster."""

    mean: float
    low: float
    high: float


def mean_interval(
    values: ArrayLike, clusters: Sequence[Hashable], *, resamples: int = RESAMPLES, seed: int = SEED
) -> Interval:
    """The mean of ``values`` and its cluster-bootstrap interval.

    Args:
        values: n finite numbers.
        clusters: n labels; equal labels belong together (``image_id``, or the scene of a frame).

    Raises:
        PedbenchError: there are no values, some are not finite, or a label is missing.
    """
    checked = _checked(values, clusters)
    draws = _resampled_means(checked, clusters, resamples, seed)
    return _interval(float(checked.mean()), draws)


def paired_gain(
    a: ArrayLike,
    b: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """The mean of ``a − b``, taken pair by pair, and its interval; see `mean_interval`."""
    difference = _checked(a, clusters) - _checked(b, clusters)
    return mean_interval(difference, clusters, resamples=resamples, seed=seed)


def worst_case(scores: ArrayLike, higher_is_worse: bool) -> Floats:
    """For each image, the score of the attack that leaks most.

    A maximum over many attacks exceeds one floor by selection alone: compare it with the worst
    case over as many floors. `mean_interval` of the result is the mean over images.

    Args:
        scores: [attacks, images]; NaN where an attack has no score for an image.
        higher_is_worse: as `bench.metrics.Metric.higher_is_worse`.

    Returns:
        [images]; NaN where no attack has a score.

    Raises:
        PedbenchError: ``scores`` is not [attacks, images] or has no attacks.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or not len(table):
        raise PedbenchError(f"worst_case needs scores [attacks, images], got shape {table.shape}")
    pick = np.fmax if higher_is_worse else np.fmin
    worst: Floats = pick.reduce(table, axis=0)
    return worst


def _checked(values: ArrayLike, clusters: Sequence[Hashable]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise PedbenchError(f"statistics need a list of values, got shape {array.shape}")
    if len(clusters) != array.size:
        raise PedbenchError(
            f"{array.size} values have {len(clusters)} cluster labels: give each one"
        )
    if not np.isfinite(array).all():
        raise PedbenchError("statistics need finite values: leave out cells without a score first")
    return array


def _resampled_means(
    values: Floats, clusters: Sequence[Hashable], resamples: int, seed: int
) -> Floats:
    numbers = {label: number for number, label in enumerate(dict.fromkeys(clusters))}
    members = np.array([numbers[label] for label in clusters])
    n = len(numbers)
    if n == 1:
        return np.full(resamples, np.nan)
    counts = np.bincount(members)
    sums = np.bincount(members, weights=values)
    drawn = _draws(n, resamples, seed)
    means: Floats = (drawn @ sums) / (drawn @ counts)
    return means


@lru_cache(maxsize=64)
def _draws(n: int, resamples: int, seed: int) -> Floats:
    """How often each of ``n`` clusters is drawn in each resample: [resamples, n]."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def _interval(mean: float, draws: Floats) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))
