"""Bootstrap intervals and the worst case on known answers."""

from __future__ import annotations

import numpy as np
import pytest

from bench.report.statistics import mean_interval, median_interval, paired_gain, worst_case
from framework.errors import PedbenchError


def test_one_value_per_image_gives_the_normal_interval():
    values = np.random.default_rng(1).normal(10, 2, size=400)
    mean, low, high = mean_interval(values, range(400))
    standard_error = values.std(ddof=1) / 20
    assert mean == pytest.approx(values.mean())
    assert low == pytest.approx(mean - 1.96 * standard_error, abs=0.02)
    assert high == pytest.approx(mean + 1.96 * standard_error, abs=0.02)


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        interval = mean_interval(rng.normal(size=60), range(60), resamples=500)
        hits += interval.low <= 0 <= interval.high
    assert 0.90 <= hits / 300 <= 0.98


def test_repeating_an_image_does_not_narrow_its_interval():
    values = np.random.default_rng(3).normal(size=50)
    once = mean_interval(values, range(50))
    tenfold = mean_interval(np.repeat(values, 10), np.repeat(np.arange(50), 10).tolist())
    naive = mean_interval(np.repeat(values, 10), range(500))
    assert tenfold == pytest.approx(once)
    assert naive.high - naive.low < 0.5 * (tenfold.high - tenfold.low)


def test_unequal_clusters_keep_the_mean_over_values():
    interval = mean_interval([1, 1, 1, 5], ["a", "a", "a", "b"])
    assert interval == pytest.approx((2, 1, 5))


def test_the_seed_decides():
    values = np.random.default_rng(4).normal(size=30)
    assert mean_interval(values, range(30)) == mean_interval(values, range(30))
    assert mean_interval(values, range(30)) != mean_interval(values, range(30), seed=1)


def test_pairing_removes_what_the_images_share():
    rng = np.random.default_rng(5)
    image = rng.normal(0, 10, size=100)
    a, b = image + 1 + rng.normal(0, 0.1, size=100), image
    paired = paired_gain(a, b, range(100))
    assert paired.low > 0.9
    assert paired.high < 1.1
    assert mean_interval(a, range(100)).high - mean_interval(a, range(100)).low > 2


def test_a_constant_gain_has_no_spread():
    assert paired_gain([3, 5, 9], [1, 3, 7], "abc") == pytest.approx((2, 2, 2))


def test_a_median_lies_in_its_interval_and_ignores_one_outlier():
    median, low, high = median_interval([1.0, 2.0, 3.0, 4.0, 900.0])
    assert low <= median == 3 <= high
    assert high == 900
    assert np.isnan(median_interval([7.0]).low)


def test_one_cluster_has_no_interval():
    mean, low, high = mean_interval([1, 2], ["a", "a"])
    assert mean == 1.5
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize(
    ("values", "clusters", "message"),
    [
        ([], [], "list of values"),
        ([[1.0]], [0], "list of values"),
        ([1.0, np.nan], [0, 1], "finite"),
        ([1.0, 2.0], [0], "cluster labels"),
    ],
)
def test_bad_input_is_named(values, clusters, message):
    with pytest.raises(PedbenchError, match=message):
        mean_interval(values, clusters)


def test_worst_case_is_taken_per_image():
    psnr = [[10, 30, np.nan], [20, 25, np.nan]]
    np.testing.assert_array_equal(worst_case(psnr, higher_is_worse=True), [20, 30, np.nan])
    lpips = [[0.5, np.nan], [0.2, 0.9]]
    np.testing.assert_array_equal(worst_case(lpips, higher_is_worse=False), [0.2, 0.9])


@pytest.mark.parametrize("scores", [[], [1.0, 2.0], np.zeros((0, 3))])
def test_worst_case_needs_attacks_by_images(scores):
    with pytest.raises(PedbenchError, match="attacks, images"):
        worst_case(scores, higher_is_worse=True)
