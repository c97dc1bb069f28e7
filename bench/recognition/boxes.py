"""Boxes x0, y0, x1, y1: overlap and one-to-one matching."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Boxes = NDArray[np.float32]

MATCH_IOU = 0.5
"""A detection is an object's where they overlap by at least this IoU."""


def as_boxes(rows: object) -> Boxes:
    """float32 [n, 4] of a list of four numbers each; n may be 0."""
    return np.asarray(rows, np.float32).reshape(-1, 4)


def intersections(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Areas that boxes [n, 4] and [m, 4] have in common: [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2), np.float32)


def areas(boxes: Boxes) -> NDArray[np.float32]:
    """Areas of boxes [n, 4]: [n]."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), np.float32)


def box_ious(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Intersection over union of boxes [n, 4] and [m, 4], none of them empty: [n, m]."""
    common = intersections(a, b)
    return np.asarray(common / (areas(a)[:, None] + areas(b)[None] - common), np.float32)


def match(truth: Boxes, found: Boxes, allowed: NDArray[np.bool_] | None = None) -> int:
    """How many true boxes [n, 4] are found, each by a detection [m, 4] of its own.

    Args:
        truth: the boxes to find.
        found: the detections.
        allowed: bool [n, m], the pairs that may match; all when None.
    """
    hits = box_ious(truth, found) >= MATCH_IOU
    if allowed is not None:
        hits &= allowed
    rows, columns = linear_sum_assignment(hits, maximize=True)
    return int(hits[rows, columns].sum())
