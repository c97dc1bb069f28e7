"""What a segmentation metric is, and the registry of all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from bench.metrics.base import Mask
from framework.registry import Registry

SOURCES = ("box", "point", "fill", "grow")
"""Masks that are scored: box and point prompts, the filled box, the region grown from the point."""


class SegmentationMetric(ABC):
    """How well a mask agrees with the true one; higher is better.

    A run records ``NAME_box``, ``NAME_point``, ``NAME_fill`` and ``NAME_grow``, see `SOURCES`.
    Each is the mean over the masks of a photo.

    Attributes:
        name: as registered.
        summary: one line for lists.
        label: what tables call it; its name where empty.
        decimals: that tables show.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str]
    label: ClassVar[str] = ""
    decimals: ClassVar[int] = 3

    @abstractmethod
    def score(self, prediction: Mask, truth: Mask) -> float:
        """The score of one mask, bool [H, W] like the truth, which is not empty."""


SEGMENTATION_METRICS: Registry[type[SegmentationMetric]] = Registry(
    "segmentation metric", "bench.metrics", "pedbench.segmentation_metrics", SegmentationMetric
)
