"""The chart that can be filtered."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.report.data import RunData
from bench.report.interactive.curve import colours, curve_chart

RUN = Path(__file__).parents[3] / "results/reference/privacy_utility_quick-people_dev"


@pytest.mark.slow
def test_no_two_defences_have_the_same_colour_and_dash() -> None:
    chart = curve_chart(RunData.read(RUN))
    assert chart is not None
    lines = chart["layer"][1]["encoding"]["strokeDash"]["scale"]
    assert lines["domain"] == chart["encoding"]["color"]["scale"]["domain"]
    for config in colours().values():
        series = config["range"]["category"]
        looks = [
            (series[place % len(series)], tuple(dash)) for place, dash in enumerate(lines["range"])
        ]
        assert len(looks) > len(series)
        assert len(set(looks)) == len(looks)
