"""The chart that can be filtered."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.report.data import RunData
from bench.report.interactive.curve import colours, curve_chart
from bench.report.topics.utility.main_curve import MOST, best_defences
from bench.report.words import defence_label

RUN = Path(__file__).parents[3] / "results/reference/privacy_utility_quick-people_dev"


@pytest.mark.slow
def test_no_two_defences_have_the_same_colour_and_dash() -> None:
    chart = curve_chart(RunData.read(RUN))
    assert chart is not None
    lines = next(layer for layer in chart["layer"] if layer["mark"] == "line")
    lines = lines["encoding"]["strokeDash"]["scale"]
    assert lines["domain"] == chart["encoding"]["color"]["scale"]["domain"]
    for config in colours().values():
        series = config["range"]["category"]
        looks = [
            (series[place % len(series)], tuple(dash)) for place, dash in enumerate(lines["range"])
        ]
        assert len(looks) > len(series)
        assert len(set(looks)) == len(looks)


@pytest.mark.slow
def test_of_many_defences_few_stand_out_at_first() -> None:
    run = RunData.read(RUN)
    chart = curve_chart(run)
    assert chart is not None
    [chosen] = next(layer for layer in chart["layer"] if layer["mark"] == "line")["params"]
    names = [value["knob"] for value in chosen["value"]]
    assert names == [defence_label(name) for name in best_defences(run)]
    known = {point["knob"] for point in chart["data"]["values"]}
    assert len(set(names)) == MOST < len(known)
    assert set(names) <= known
