"""Exposure of content pixels and of objects."""

from __future__ import annotations

import numpy as np
import pytest

from bench.metrics.exposure import object_coverage, share_seen, visible_fraction


def left(share: float, height: int = 10, width: int = 20) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[:, : round(share * width)] = True
    return mask


def test_visible_fraction():
    assert visible_fraction(left(0.25)) == 0.25
    assert visible_fraction(left(0)) == 0


def test_an_object_counts_by_its_best_observer():
    whole = np.ones((10, 20), dtype=bool)
    objects = np.stack([whole, left(0.5), np.zeros_like(whole)])
    assert object_coverage(objects, [left(0.25), ~left(0.4)]) == [
        pytest.approx(0.6),
        pytest.approx(0.5),
        None,
    ]
    assert object_coverage(objects, []) == [0.0, 0.0, None]


def test_objects_keep_their_resolution():
    one_pixel = np.zeros((1, 40, 80), dtype=bool)
    one_pixel[0, 0, 31] = True
    assert object_coverage(one_pixel, [left(0.4)]) == [1.0]
    assert object_coverage(one_pixel, [left(0.35)]) == [0.0]


def test_share_of_objects_seen():
    assert share_seen([0.5, 0.4, None, 1.0], 0.5) == pytest.approx(2 / 3)
    assert share_seen([None], 0.5) is None
