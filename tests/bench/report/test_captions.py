"""What captions say of the run whose figure they stand under, and what figures show of it."""

from __future__ import annotations

import dataclasses

import pytest
from matplotlib.figure import Figure

from bench.report.base import FIGURES
from bench.report.data import RunData
from bench.report.render.drawing import Drawing
from bench.report.render.style import LIGHT, styled

pytestmark = pytest.mark.slow


def drawn(name: str, run: RunData) -> Figure:
    with styled(LIGHT):
        figure = FIGURES.get(name)().draw(run, LIGHT)
    assert figure is not None
    return figure


def kept(run: RunData, condition: str) -> RunData:
    """The run with the records of which a condition is true."""
    return dataclasses.replace(run, records=run.records.query(condition))


def legend_colours(figure: Figure) -> dict[str, str]:
    [legend] = figure.legends
    return {str(line.get_label()): str(line.get_color()) for line in legend.get_lines()}


def test_a_curve_names_its_attacks_and_what_others_reach(full: RunData) -> None:
    def caption(run: RunData) -> str:
        return Drawing(FIGURES.get("privacy_utility")(), run).caption

    assert caption(full).endswith("in this run: conv decoder, ridge, telea.")
    everywhere = "attack != 'conv_decoder' or (defence == 'none' and payload == 'float32')"
    text = caption(kept(full, everywhere))
    assert "in this run: ridge, telea. Other attacks" in text
    assert "15.5 instead of 14.5 dB in the hidden part of 1 of 4 shards" in text


def test_precisions_have_no_line_and_one_number_of_shards_leaves_colours_to_defences(
    full: RunData,
) -> None:
    both = drawn("privacy_utility", full)
    [legend] = both.legends
    styles = {line.get_label(): line.get_linestyle() for line in legend.get_lines()}
    assert styles["precision"] == "None"
    assert legend_colours(both)["noise"] == legend_colours(both)["precision"] == LIGHT.muted
    one = drawn("privacy_utility", kept(full, "n_shards == 4"))
    assert legend_colours(one)["noise"] == LIGHT.series[0]
    assert legend_colours(one)["precision"] == LIGHT.ink
    assert "1 of 4 shards" in one.get_suptitle()
