"""Means and medians with bootstrap intervals, gains, and the worst case over attacks.

Values of one image (or, for frames, of one scene) are not independent, so whole clusters are
resampled (Field & Welsh, Journal of the Royal Statistical Society B 2007). Intervals are
percentile intervals (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from framework.errors import PedbenchError

RESAMPLES = 2000
TEST_RESAMPLES = 20_000
"""Draws behind p-values: few of them could not pass Holm's correction over many comparisons."""
LEVEL = 0.95
SEED = 0

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A mean or median and its 95 % interval; the bounds are NaN where there is one cluster."""

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


def median_interval(values: ArrayLike) -> Interval:
    """The median of independent values and its bootstrap interval; see `mean_interval`."""
    checked = _checked(values, range(np.size(values)))
    drawn = np.random.default_rng(SEED).choice(checked, (RESAMPLES, len(checked)))
    median = float(np.median(checked))
    if len(checked) == 1:
        return Interval(median, float("nan"), float("nan"))
    return _interval(median, np.median(drawn, axis=1))


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


def two_sided(differences: Floats, clusters: int) -> float:
    """Two-sided p-value of resampled differences against zero.

    After Efron & Tibshirani (1993), section 15.4; draws of exactly zero count half on each side. It
    is no less than the draws can tell, 2 / (draws + 1), and no less than that of an exact sign-flip
    test, 2 ** (1 - clusters).

    Args:
        differences: [draws]; NaN where there is one cluster, whose p-value is 1.
        clusters: how many were resampled.
    """
    if np.isnan(differences).any():
        return 1.0
    below = float((differences < 0).mean() + 0.5 * (differences == 0).mean())
    least = max(1 / (len(differences) + 1), 0.5**clusters)
    return min(1.0, 2 * max(min(below, 1 - below), least))


def resampled_gain(a: ArrayLike, b: ArrayLike, clusters: Sequence[Hashable]) -> Floats:
    """Means of ``a − b`` over resampled clusters, [`TEST_RESAMPLES`]; NaN for a single cluster."""
    difference = _checked(a, clusters) - _checked(b, clusters)
    return _resampled_means(difference, clusters, TEST_RESAMPLES, SEED)


def holm(p_values: Mapping[Any, float], level: float = 1 - LEVEL) -> set[Any]:
    """Which of several hypotheses are rejected (Holm, Scandinavian J. of Statistics 1979)."""
    rejected: set[Any] = set()
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        if p_values[name] > level / (len(p_values) - rank):
            break
        rejected.add(name)
    return rejected


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


def named(metric: str, interval: Interval | None) -> dict[str, float | None]:
    """A mean and its bounds under the names that tables use."""
    mean, low, high = interval if interval is not None else (None, None, None)
    return {metric: mean, f"{metric}_low": low, f"{metric}_high": high}


def scene_means(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """One row per ``keys``: ``mean`` with its interval, and ``images``.

    Values of one photo are averaged first (attacker seeds); photos and frames of one scene are
    resampled together.
    """
    if rows.empty:
        return pd.DataFrame(columns=[*keys, "mean", "mean_low", "mean_high", "images"])
    rows = _with_scenes(rows)
    images = rows.groupby([*keys, "scene", "image_id"], dropna=False)["value"].mean().reset_index()
    found = []
    for values, group in images.groupby(list(keys), dropna=False, sort=True):
        row: dict[str, Any] = dict(zip(keys, values, strict=True))
        interval = mean_interval(group["value"].to_numpy(float), list(group["scene"]))
        found.append(row | named("mean", interval) | {"images": group["image_id"].nunique()})
    return pd.DataFrame(found)


def worst_rows(rows: pd.DataFrame, keys: Sequence[str], higher_is_worse: bool) -> pd.DataFrame:
    """Per ``keys`` and photo, the value of the attack that leaks most, seeds averaged."""
    photo = [*keys, "scene", "image_id"]
    rows = _with_scenes(rows)
    seeds = rows.groupby([*photo, "attack"], dropna=False)["value"].mean()
    grouped = seeds.groupby(level=list(range(len(photo))), dropna=False)
    worst = grouped.max() if higher_is_worse else grouped.min()
    return worst.rename("value").reset_index()


def one_column_each(scores: pd.DataFrame, keys: Sequence[str], name: str) -> pd.DataFrame:
    """`scene_means` with a column, and its bounds, for each value of ``name``; and ``images``."""
    ends = ["mean", "mean_low", "mean_high"]
    wide = scores.pivot(index=list(keys), columns=name, values=ends)
    wide.columns = wide.columns.map(lambda pair: pair[1] + pair[0].removeprefix("mean"))
    images = scores.groupby(list(keys), dropna=False)["images"].max()
    return wide.join(images).reset_index()


def _with_scenes(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of older runs do not name their scene: each photo is one."""
    told = rows["scene"].fillna(rows["image_id"]) if "scene" in rows else rows["image_id"]
    return rows.assign(scene=told)


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
    drawn = cluster_draws(n, resamples, seed)
    means: Floats = (drawn @ sums) / (drawn @ counts)
    return means


@lru_cache(maxsize=8)
def cluster_draws(n: int, resamples: int = RESAMPLES, seed: int = SEED) -> Floats:
    """How often each of ``n`` clusters is drawn in each resample: [resamples, n]."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def _interval(mean: float, draws: Floats) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))
