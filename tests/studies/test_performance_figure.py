"""The picture of times and memory."""

from __future__ import annotations

from matplotlib.figure import Figure

from studies.performance.figure import _finish


def test_the_highest_point_lies_within_the_axis() -> None:
    axes = Figure().subplots()
    axes.plot([1, 2], [1.11, 1.0], "o-", label="tiny")
    _finish(axes, True)
    low, high = axes.get_ylim()
    assert low == 0
    assert high > 1.04 * 1.11
