"""Scores of reconstructions and of segmentation, and exposure."""

from bench.metrics.base import METRICS, Metric, MetricUnavailable, used_metrics

__all__ = ["METRICS", "Metric", "MetricUnavailable", "used_metrics"]
