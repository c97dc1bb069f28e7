"""What a reconstruction metric is, and the registry of all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.registry import Registry

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Score = float | None


class MetricUnavailable(PedbenchError):
    """The metric cannot be computed on this machine; its records get status ``unsupported``."""


class Metric(ABC):
    """How close a reconstruction comes to the truth inside a region of the frame.

    Attributes:
        name: as in the column ``metric`` of a record.
        summary: one line for lists and tables.
        label: what tables and figures call it; its name where empty.
        unit: e.g. ``"dB"``; empty for a pure number.
        decimals: that tables show.
        higher_is_worse: whether a higher score means more leakage.
        on_demand: whether a run computes it only where ``--metrics`` names it.
        place: among metrics in tables and figures; those of one place go by name.
        csv_alone: left to CSV by figures and wide tables, as it tells little beside others.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str]
    label: ClassVar[str] = ""
    unit: ClassVar[str] = ""
    decimals: ClassVar[int] = 3
    higher_is_worse: ClassVar[bool]
    on_demand: ClassVar[bool] = False
    place: ClassVar[int] = 10
    csv_alone: ClassVar[bool] = False

    @classmethod
    def user_files(cls) -> list[Path]:
        """Files of the user's own that scores depend on, so that stored ones are told apart."""
        return []

    def score_many(
        self, truth: Image, reconstructions: Sequence[Image], regions: Sequence[Mask]
    ) -> list[list[Score]]:
        """Score every reconstruction of one frame in every region.

        Args:
            truth: uint8 [h, w, 3], the frame.
            reconstructions: uint8 [h, w, 3] each.
            regions: bool [h, w] each.

        Returns:
            ``scores[reconstruction][region]``; None where the region is empty (or, where the
            metric says so, too thin), which a record calls ``not_applicable``.

        Raises:
            MetricUnavailable: something that the metric needs is missing.
            PedbenchError: an array has another type or shape.
        """
        check_arrays(truth, reconstructions, regions)
        return self._score_many(truth, reconstructions, regions)

    def score(self, truth: Image, reconstruction: Image, region: Mask) -> Score:
        """Score one reconstruction in one region; see `score_many`."""
        return self.score_many(truth, [reconstruction], [region])[0][0]

    @abstractmethod
    def _score_many(
        self, truth: Image, reconstructions: Sequence[Image], regions: Sequence[Mask]
    ) -> list[list[Score]]:
        """`score_many` on checked arrays."""


METRICS: Registry[type[Metric]] = Registry("metric", "bench.metrics", "pedbench.metrics", Metric)


def used_metrics(named: Sequence[str] = ()) -> dict[str, type[Metric]]:
    """The metrics of a run: all but those on demand, and those that it names.

    Raises:
        PedbenchError: a named one is unknown.
    """
    wanted = {METRICS.get(name) for name in named}
    return {n: kind for n, kind in METRICS.items() if not kind.on_demand or kind in wanted}


def check_arrays(truth: Image, reconstructions: Sequence[Image], regions: Sequence[Mask]) -> None:
    """Refuse anything but uint8 images and bool regions of one frame size.

    Raises:
        PedbenchError: names the array, what it is and what it should be.
    """
    if truth.ndim != 3 or truth.shape[2] != 3:
        raise PedbenchError(f"the truth has shape {truth.shape}, expected (h, w, 3)")
    for image in (truth, *reconstructions):
        _check("an image", image, np.dtype(np.uint8), truth.shape)
    for region in regions:
        _check("a region", region, np.dtype(bool), truth.shape[:2])


def _check(
    what: str, array: NDArray[np.generic], dtype: np.dtype[np.generic], shape: tuple[int, ...]
) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise PedbenchError(
            f"{what} to score is {array.dtype} {array.shape}, expected {dtype} {shape}: "
            "convert it before scoring"
        )


def region_mean(values: NDArray[np.floating], region: Mask) -> Score:
    """The mean of a map [h, w] inside a region [h, w]; None when the region is empty."""
    return float(values[region].mean(dtype=np.float64)) if region.any() else None
