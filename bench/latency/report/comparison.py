"""Two latency runs side by side: the same plans over the same links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import bootstrap

from bench.latency.results import LatencyRun
from bench.report.statistics import RESAMPLES, SEED
from framework.errors import PedbenchError, unknown_name

SETTINGS = ["link", "plan"]
METRICS = ("seconds", "away_seconds", "bytes_up", "bytes_down", "rounds", "peak_bytes")
CONFIDENCE = 0.95


def compare_latencies(
    before: LatencyRun, after: LatencyRun, metric: str | None = None
) -> pd.DataFrame:
    """Medians over repeats for each link, plan and metric that both runs have.

    Args:
        metric: one of `METRICS`; all unless given.

    Returns:
        `SETTINGS`, ``metric``, ``before``, ``after``, ``difference`` with its 95 % interval,
        ``difference_low`` and ``difference_high`` (bootstrap of both medians; NaN where a run has
        one repeat), and ``changed``: whether the interval leaves out 0.

    Raises:
        PedbenchError: an unknown metric; other models; no link and plan in common.
    """
    if metric is not None and metric not in METRICS:
        raise unknown_name("metric of latency", metric, METRICS)
    if before.config.model != after.config.model:
        raise PedbenchError(
            f"{before.folder} timed {before.config.model} and {after.folder} "
            f"{after.config.model}: compare runs of one model"
        )
    rows = list(_rows(before.rows, after.rows, METRICS if metric is None else (metric,)))
    if not rows:
        raise PedbenchError(
            f"{before.folder} and {after.folder} share no link and plan: compare runs of one preset"
        )
    return pd.DataFrame(rows)


def _rows(
    before: pd.DataFrame, after: pd.DataFrame, metrics: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    later = dict(iter(after.groupby(SETTINGS, sort=False)))
    for settings, part in before.groupby(SETTINGS, sort=False):
        if settings not in later:
            continue
        for metric in metrics:
            old, new = (rows[metric].to_numpy(float) for rows in (part, later[settings]))
            low, high = _interval(old, new)
            yield {
                **dict(zip(SETTINGS, settings, strict=True)),
                "metric": metric,
                "before": np.median(old),
                "after": np.median(new),
                "difference": np.median(new) - np.median(old),
                "difference_low": low,
                "difference_high": high,
                "changed": low > 0 or high < 0,
            }


def _interval(old: NDArray[np.float64], new: NDArray[np.float64]) -> tuple[float, float]:
    """The interval of the difference of medians; as it is where repeats do not differ."""
    difference = float(np.median(new) - np.median(old))
    if np.ptp(old) == 0 == np.ptp(new):
        certain = min(len(old), len(new)) > 1 or difference == 0
        return (difference, difference) if certain else (np.nan, np.nan)
    if min(len(old), len(new)) < 2:
        return np.nan, np.nan
    found = bootstrap(
        (new, old),
        lambda a, b, axis: np.median(a, axis=axis) - np.median(b, axis=axis),
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
