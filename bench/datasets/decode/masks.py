"""Instance masks out of polygons, run lengths and label images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from bench.datasets.base import Mask

MIN_SHARE, MAX_SHARE = 0.01, 0.60
"""Regions of a segmentation outside these shares of the image are no instances."""


def decode_segmentation(segmentation: Any, height: int, width: int) -> Mask:
    """The mask [height, width] of a COCO segmentation.

    Args:
        segmentation: polygons ``[[x0, y0, x1, y1, …], …]``, one such polygon, or run lengths
            ``{"size": [height, width], "counts": …}`` as list or compressed.
        height: of the image, pixels.
        width: of the image, pixels.

    Raises:
        ValueError: it is none of these, or made for another size.
    """
    if isinstance(segmentation, dict):
        return _decode_runs(segmentation, height, width)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("it has neither polygons nor run lengths")
    polygons = segmentation if isinstance(segmentation[0], list) else [segmentation]
    side = max(height, width)
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("a polygon needs at least three points (x, y)")
        if not all(type(value) in (int, float) for value in polygon):
            raise ValueError("a coordinate of a polygon is not a number")
        if not np.isfinite(np.array(polygon, dtype=float)).all():
            raise ValueError("a coordinate of a polygon is not finite")
        if min(polygon) < -side or max(polygon) > 2 * side:
            raise ValueError("a polygon lies far outside the image")
    runs = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return coco_mask.decode(runs).astype(bool)


def _decode_runs(runs: dict[str, Any], height: int, width: int) -> Mask:
    """A mask from run lengths by columns, checked: `pycocotools` crashes on damaged ones."""
    size = list(runs.get("size") or ())
    if size != [height, width]:
        raise ValueError(f"its run lengths are for [height, width] {size}, not {[height, width]}")
    counts = runs.get("counts")
    if isinstance(counts, (str, bytes)):
        counts = _parse_counts(counts.encode() if isinstance(counts, str) else counts)
    if not isinstance(counts, list):
        raise ValueError("it has no run lengths")
    if any(not isinstance(run, int) or run < 0 for run in counts):
        raise ValueError("a run length is not a count")
    if sum(counts) != height * width:
        raise ValueError(f"its run lengths cover {sum(counts)} of {height * width} pixels")
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape((height, width), order="F")


def _parse_counts(text: bytes) -> list[int]:
    """Run lengths out of COCO's compressed form.

    A number is written in groups of 5 bits, the lowest first, each offset by 48, with 32 added when
    more follow and the sign in bit 4 of the last. From the fourth number on it is the difference to
    the number two before.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = character - 48
        if not 0 <= group < 64:
            raise ValueError("its run lengths hold a foreign character")
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its run lengths are cut off")
    return counts


def largest_component(mask: Mask) -> Mask:
    """The largest 8-connected part of a mask [H, W]; empty stays empty."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))


def region_instances(labels: NDArray[np.integer]) -> Iterator[tuple[int, Mask]]:
    """Label and largest component of each region, of 1 % to 60 % of the image [H, W]."""
    for label in np.unique(labels):
        part = largest_component(labels == label)
        if MIN_SHARE <= part.mean() <= MAX_SHARE:
            yield int(label), part
