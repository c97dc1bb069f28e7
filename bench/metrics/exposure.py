"""What an observation covers: exact, and no model is needed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import Mask

VISIBLE_FRACTION = "visible_fraction"
OBJECT_MAX_FRACTION = "object_max_fraction"
SEEN_SHARES = {"objects_half_seen": 0.5, "objects_seen_90": 0.9}
"""Metrics that count objects, and the fraction of its pixels from which an object counts."""


def visible_fraction(visible: Mask) -> float:
    """The share of the content's pixels that were seen: bool [h, w] of the frame, in [0, 1]."""
    return float(visible.mean())


def object_coverage(masks: Mask, visible: Sequence[Mask]) -> list[float | None]:
    """For each object, the largest fraction of its pixels that any one observer saw.

    Args:
        masks: bool [n, H, W], the objects at original resolution.
        visible: per observer (a shard or a coalition), bool [h, w] of what it saw of the frame.

    Returns:
        n fractions in [0, 1]; None for an object without pixels.
    """
    seen = [on_original(region, masks.shape[1:]) for region in visible]
    return [
        max((float(region[mask].mean()) for region in seen), default=0.0) if mask.any() else None
        for mask in masks
    ]


def share_seen(coverage: Sequence[float | None], fraction: float) -> float | None:
    """The share of objects of which at least ``fraction`` was seen; None without objects."""
    known = [value for value in coverage if value is not None]
    return float(np.mean([value >= fraction for value in known])) if known else None


def object_scores(coverage: Sequence[float | None]) -> dict[str, float | None]:
    """The largest fraction seen of any object, and the shares of objects seen to 50 % and 90 %.

    Args:
        coverage: from `object_coverage`.

    Returns:
        `OBJECT_MAX_FRACTION` and `SEEN_SHARES`, in [0, 1]; None without objects.
    """
    largest = max((value for value in coverage if value is not None), default=None)
    shares = {name: share_seen(coverage, fraction) for name, fraction in SEEN_SHARES.items()}
    return {OBJECT_MAX_FRACTION: largest, **shares}


def on_original(region: Mask, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """A region of the frame, bool [h, w], on the photo of ``size`` (height, width)."""
    height, width = size
    nearest = cv2.resize(
        region.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT
    )
    return nearest.astype(bool)
