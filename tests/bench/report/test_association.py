"""Correlations with an outcome: known answers, ties, intervals over clusters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pointbiserialr, spearmanr
from sklearn.metrics import roc_auc_score

from bench.report.aggregate.association import _measures, association
from framework.errors import PedbenchError

RNG = np.random.default_rng(5)
OUTCOME = np.round(np.clip(RNG.normal(0, 1, 120), 0, None), 1)
SCORE = np.round(OUTCOME + RNG.normal(0, 1, 120), 1)
CLUSTERS = [number // 4 for number in range(120)]


def test_all_three_agree_with_the_libraries_ties_included():
    found = association(SCORE, OUTCOME, CLUSTERS)
    assert found.spearman.mean == pytest.approx(spearmanr(SCORE, OUTCOME).statistic)
    assert found.biserial.mean == pytest.approx(pointbiserialr(OUTCOME > 0, SCORE).statistic)
    assert found.auc.mean == pytest.approx(roc_auc_score(OUTCOME > 0, SCORE))


def test_a_resample_equals_the_library_on_the_repeated_values():
    weights = RNG.integers(0, 3, 120)
    drawn = _measures(SCORE, OUTCOME, weights[None].astype(float))[:, 0]
    x, y = np.repeat(SCORE, weights), np.repeat(OUTCOME, weights)
    expected = [spearmanr(x, y)[0], pointbiserialr(y > 0, x)[0], roc_auc_score(y > 0, x)]
    assert drawn == pytest.approx(expected)


def test_a_perfect_and_a_useless_score_are_told_apart():
    perfect = association(OUTCOME, OUTCOME, CLUSTERS)
    assert perfect.auc == pytest.approx((1, 1, 1))
    useless = association(np.arange(120) % 7, OUTCOME, CLUSTERS).auc
    assert useless.low < 0.5 < useless.high


def test_intervals_grow_where_pictures_of_a_photo_are_alike():
    apart = association(SCORE, OUTCOME, range(120)).auc
    alike = association(np.repeat(SCORE, 4), np.repeat(OUTCOME, 4), np.repeat(range(120), 4)).auc
    assert alike.high - alike.low == pytest.approx(apart.high - apart.low)


def test_an_outcome_that_never_varies_tells_nothing():
    found = association(SCORE, np.zeros(120), CLUSTERS)
    assert all(np.isnan(interval.mean) for interval in found)
    assert np.isnan(association(SCORE, OUTCOME, [0] * 120).auc.low)


@pytest.mark.parametrize(
    ("score", "outcome"), [([], []), ([1.0], [1.0, 2.0]), ([float("nan")], [1.0])]
)
def test_what_cannot_be_compared_is_refused(score, outcome):
    with pytest.raises(PedbenchError):
        association(score, outcome, [0] * len(score))
