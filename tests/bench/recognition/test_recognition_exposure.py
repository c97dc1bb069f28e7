"""Shares of objects seen, without any model."""

from __future__ import annotations

import pytest

from bench.metrics.exposure import object_scores


def test_objects_seen_to_half_and_to_nine_tenths():
    assert object_scores([0.95, 0.9, 0.5, 0.1, None]) == {
        "object_max_fraction": 0.95,
        "objects_half_seen": pytest.approx(0.75),
        "objects_seen_90": pytest.approx(0.5),
    }


def test_nothing_applies_without_objects():
    assert set(object_scores([]).values()) == {None}
    assert set(object_scores([None]).values()) == {None}
