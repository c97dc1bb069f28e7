"""What captions say of the run whose figure they stand under, and what figures show of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.report.base import FIGURES
from bench.report.data import RunData
from bench.report.pictures.gallery import gallery
from bench.report.pictures.strips import Strip
from bench.report.render.drawing import Drawing
from bench.report.render.page import page_template
from bench.report.render.style import LIGHT, styled
from bench.report.topics.columns import setting_columns
from bench.report.topics.leakage.recognition import _panel
from bench.report.topics.leakage.stages import _cost
from bench.report.topics.utility.segmentation import SCORES
from bench.runner.folder.records import NOT_APPLICABLE
from bench.spec.cells import ORIGINAL, SEEN

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


def test_grey_is_spoken_of_only_where_curves_are_grey(full: RunData) -> None:
    part = FIGURES.get("relative_utility")()
    assert "grey" not in part.caption_of(full)


def test_an_axis_of_coalitions_begins_with_one_shard_and_has_room_for_all(full: RunData) -> None:
    for axes in drawn("coalition", full).axes:
        shards = int(axes.get_xlabel().rpartition(" ")[2])
        ticks = list(axes.get_xticks())
        assert (ticks[0], ticks[-1]) == (1, shards)
        low, high = axes.get_xlim()
        assert low <= 0.5
        assert high >= shards + 0.5


def test_scores_of_whole_frames_have_no_panel_of_hidden_windows(full: RunData) -> None:
    plain = len(drawn("coalition", full).axes)
    psnr = full.records[(full.records["metric"] == "psnr") & (full.records["region"] != "")]
    frames = [
        psnr.assign(
            metric=name,
            value=psnr["value"].where(psnr["region"] == "full"),
            status=psnr["status"].where(psnr["region"] == "full", NOT_APPLICABLE),
        )
        for name in ("vif", "dists", "ms_ssim", "haarpsi")
    ]
    records = pd.concat([full.records, *frames], ignore_index=True)
    assert len(drawn("coalition", dataclasses.replace(full, records=records)).axes) == plain


def test_mixed_tokens_need_an_attack_with_a_twin_on_round_1(suite: RunData) -> None:
    first = suite.records["attack"].str.endswith("_round1") | (suite.records["stage"] == "0")
    alone = suite.records[~first]
    run = dataclasses.replace(suite, records=alone)
    with styled(LIGHT):
        assert FIGURES.get("mixed_tokens")().draw(run, LIGHT) is None


def test_shares_that_collude_are_labelled_where_they_were_measured(full: RunData) -> None:
    lowest = drawn("collusion", full).axes[-2:]
    assert [list(axes.get_xticks()) for axes in lowest] == [[0.25, 0.5, 1.0], [0.04, 0.08, 0.16]]


def test_attacks_on_stages_have_colours_and_milliseconds(suite: RunData) -> None:
    figure = drawn("stages", suite)
    bars: list[Any] = list(figure.axes[0].containers)
    colours = {bar.get_label(): bar.lines[0].get_color() for bar in bars}
    assert colours["ridge"] != colours["conv decoder"]
    assert figure.axes[-1].get_title("left") == "Milliseconds a picture"


@pytest.mark.parametrize("seconds", [[0.0175, 0.0173], [0.001, 1.0]], ids=["linear", "log"])
def test_marks_of_costs_stay_within_their_panel(seconds: list[float]) -> None:
    axes = Figure().subplots()
    rows = pd.DataFrame({"attack": "ridge", "block": [0, 2], "seconds": seconds})
    _cost(axes, rows, {"ridge": {"marker": "o"}})
    low, high = axes.get_ylim()
    assert low < 1000 * min(seconds) < 1000 * max(seconds) < high


def test_the_left_panel_of_mixed_tokens_names_its_attack(suite: RunData) -> None:
    title = drawn("mixed_tokens", suite).axes[0].get_title("left")
    assert title.endswith(": PSNR, hidden windows (dB)")


def test_the_original_is_named_in_the_legend_of_recognition() -> None:
    axes = Figure().subplots()
    facts = {"metric": "faces", "n_shards": 4, "coalition": 1, "mean_low": 0.4, "mean_high": 0.6}
    rows = pd.DataFrame({"picture": [SEEN, ORIGINAL], "mean": [0.5, 0.9], **facts})
    _panel(axes, rows, {SEEN: {"color": LIGHT.ink}}, LIGHT)
    assert not axes.texts
    assert "original" in axes.get_legend_handles_labels()[1]


def test_the_gallery_opens_on_what_leaks_most(full: RunData) -> None:
    shown = gallery(full)
    assert shown is not None
    assert shown.first == "conv_decoder"
    plain = gallery(kept(full, "metric != 'lpips'"))
    assert plain is not None
    assert plain.first == "conv_decoder"


def test_a_report_without_lpips_outlines_by_psnr(full: RunData) -> None:
    template = page_template("findings.html.j2")

    def words(run: RunData) -> str:
        strip = Strip("one", "setting", None, ())
        return template.render(run=run, strips=[strip], picture=None, plots=[], unusable={})

    assert "leaks most by LPIPS" in words(full)
    assert "leaks most by PSNR" in words(kept(full, "metric != 'lpips'"))
    assert "(lower is closer" not in words(kept(full, "metric != 'lpips'"))


def test_cells_say_below_the_box_and_no_shards_of_unsplit_plans() -> None:
    normalised = next(column for column in SCORES if column.key == "normalised_box")
    assert normalised.text({"normalised_box": -10.9}) == "below the box"
    assert normalised.text({"normalised_box": 0.5}) == "0.500"
    frame = pd.DataFrame({"plan": ["local", "prefix"], "policy": "sticky", "n_shards": [4, 4]})
    columns = setting_columns(frame, ["policy", "n_shards"])
    cells = [[column.text(row) for column in columns] for row in frame.to_dict("records")]
    assert cells == [["–", "–"], ["sticky", "4"]]
