"""A metric of another package that fails costs its own scores alone."""

from __future__ import annotations

import numpy as np
import pytest

from bench.metrics import METRICS, Metric, MetricUnavailable, used_metrics
from bench.runner.evaluation.scorer import Scorer

TRUTH = np.zeros((16, 16, 3), np.uint8)
PICTURES = [TRUTH + 1, TRUTH + 2]
REGIONS = {"full": np.ones((16, 16), bool), "hidden": np.ones((16, 16), bool)}


class Broken(Metric):
    """Raises."""

    def _score_many(self, truth, pictures, regions):
        raise ZeroDivisionError("a picture of one colour")


class Short(Broken):
    """Forgets a region."""

    def _score_many(self, truth, pictures, regions):
        return [[1.0] for _ in pictures]


class AMeddler(Broken):
    """Writes into what it gets, before others see it."""

    def _score_many(self, truth, pictures, regions):
        for array in (truth, *pictures):
            array[:] = 255
        for region in regions:
            region[:] = False
        return [[1.0 for _ in regions] for _ in pictures]


class Exits(Broken):
    """Leaves."""

    def _score_many(self, truth, pictures, regions):
        raise SystemExit(0)


class Unbuilt(Broken):
    """Cannot even be made."""

    def __init__(self):
        raise RuntimeError("no weights")


class Absent(Broken):
    """Lacks a package."""

    def __init__(self):
        raise MetricUnavailable("pip install something")


@pytest.fixture
def scores(monkeypatch):
    names = METRICS.names()
    kept = {"a_meddler": AMeddler, "psnr": METRICS.get("psnr"), "exits": Exits}
    kept |= {"broken": Broken, "short": Short, "unbuilt": Unbuilt, "absent": Absent}
    assert "psnr" in names
    monkeypatch.setattr(METRICS, "_parts", kept)
    return Scorer(used_metrics()).score(TRUTH, PICTURES, REGIONS)


def of(scores, metric):
    return [record for picture in scores for record in picture if record["metric"] == metric]


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("broken", "ZeroDivisionError: a picture of one colour"),
        ("short", "scores for [1, 1] regions, not for [2, 2]"),
        ("unbuilt", "RuntimeError: no weights"),
        ("exits", "SystemExit: 0"),
    ],
)
def test_a_broken_metric_is_a_failed_record_with_its_file(scores, metric, text):
    found = of(scores, metric)
    assert len(found) == len(PICTURES) * len(REGIONS)
    assert {record["status"] for record in found} == {"failed"}
    assert all(text in record["error"] for record in found)
    assert all("test_broken_metrics.py" in record["error"] for record in found)


def test_a_metric_that_cannot_be_had_is_unsupported(scores):
    assert {record["status"] for record in of(scores, "absent")} == {"unsupported"}


def test_the_others_go_on(scores):
    assert {record["status"] for record in of(scores, "psnr")} == {"ok"}


def test_a_metric_that_writes_into_what_it_gets_changes_no_other(scores):
    found = [record["value"] for record in of(scores, "psnr")]
    expected = [20 * np.log10(255 / error) for error in (1, 1, 2, 2)]
    assert found == pytest.approx(expected)
