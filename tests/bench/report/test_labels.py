"""Names of parts come from their classes; text lies inside figures and over no other text."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bench.metrics import METRICS
from bench.metrics.base import Metric
from bench.report.aggregate.families import CLASSIC_INPAINTING, WINDOWS
from bench.report.base import FIGURES
from bench.report.contents import tables_of
from bench.report.data import RunData
from bench.report.render.drawing import Drawing
from bench.report.render.labels import LABEL_SIZE, name_box
from bench.report.render.style import (
    LIGHT,
    NARROW,
    canvas,
    cut_texts,
    lay_out,
    legend_below,
    shown_texts,
    styled,
)
from bench.report.summary.headline import headline
from bench.report.summary.key_figures import key_figures
from bench.report.topics.utility.defence_strength import _utility
from bench.report.words import measure, protected
from framework.split.defences import DEFENCES
from framework.split.defences.base import Defence

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).parents[3] / "results" / "reference"


class Warped(Metric):
    """A metric of a third party."""

    name = "warped"
    summary = "for this test"
    label = "Warp distance"
    unit = "px"
    decimals = 1
    higher_is_worse = False


class Shuffled(Defence):
    """A defence of a third party."""

    summary = "for this test"
    label = "token shuffle"
    axis = "share of tokens shuffled"


@pytest.fixture(scope="module")
def parts() -> Iterator[None]:
    """Both parts registered."""
    METRICS.names(), DEFENCES.names()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS._parts, "warped", Warped)
        patch.setitem(DEFENCES._parts, "shuffled", Shuffled)
        yield


@pytest.fixture(scope="module")
def foreign(full: RunData, parts: None) -> RunData:
    """The run with its noise made by `Shuffled`, and LPIPS scores again as `Warped`."""
    kept = (full.records["n_shards"] == 4) & (full.records["coalition"].fillna(1) < 4)
    records = full.records[kept].copy()
    records["defence"] = records["defence"].replace("gaussian", "shuffled")
    again = records[records["metric"] == "lpips"].assign(metric="warped")
    return dataclasses.replace(full, records=pd.concat([records, again], ignore_index=True))


@pytest.fixture(scope="module")
def foreign_texts(foreign: RunData) -> dict[str, list[str]]:
    """What each of its figures says, by name."""
    with styled(LIGHT):
        figures = {name: part().draw(foreign, LIGHT) for name, part in FIGURES.items()}
    return {name: texts(figure) for name, figure in figures.items() if figure is not None}


def texts(figure: Figure | None) -> list[str]:
    assert figure is not None
    return [text.get_text() for text in shown_texts(figure)]


def test_a_defence_is_named_by_its_own_label_in_headline_tile_and_axis(
    foreign: RunData, foreign_texts: dict[str, list[str]]
) -> None:
    assert any(line.startswith("Token shuffle of strength 0.5") for line in headline(foreign))
    assert "is what token shuffle costs" in {figure.label for figure in key_figures(foreign)}
    assert "share of tokens shuffled" in foreign_texts["noise"]
    assert "token shuffle" in foreign_texts["privacy_utility"]
    assert not any("noise" in text.lower() for text in foreign_texts["privacy_utility"])


def test_labels_of_defences() -> None:
    assert protected("gaussian", 0.5) == "noise 0.5"
    assert protected("of_another_package", 1.0) == "of another package 1"
    assert protected("none", 0.0) == "no defence"


def test_a_metric_of_a_third_party_is_in_every_table_where_lpips_is(foreign: RunData) -> None:
    for table in tables_of(foreign):
        shown = [column.label for column in table.shown]
        wanted = [
            label.replace("LPIPS", "Warp distance (px)") for label in shown if "LPIPS" in label
        ]
        wanted = [label.replace("(px) gain", "gain") for label in wanted]
        assert set(wanted) <= set(shown), table.name
        decimals = {c.decimals for c in table.shown if "Warp" in c.label}
        assert decimals <= {1}


def test_a_metric_of_a_third_party_is_in_every_figure_where_lpips_is(
    foreign_texts: dict[str, list[str]],
) -> None:
    with_lpips = {name for name, said in foreign_texts.items() if "LPIPS" in " ".join(said)}
    with_it = {name for name, said in foreign_texts.items() if "Warp distance" in " ".join(said)}
    assert with_lpips
    assert with_lpips <= with_it


@pytest.mark.usefixtures("parts")
def test_a_metric_is_described_by_its_class() -> None:
    words = measure("warped")
    assert (words.heading, words.decimals, words.higher_is_worse) == (
        "Warp distance (px)",
        1,
        False,
    )
    assert measure("psnr").heading == "PSNR (dB)"


@pytest.mark.usefixtures("parts")
def test_a_metric_of_negative_decimals_is_shown_in_whole_numbers(monkeypatch) -> None:
    monkeypatch.setattr(METRICS.get("warped"), "decimals", -1)
    assert measure("warped").decimals == 0


@pytest.mark.usefixtures("full_drawings", "suite_drawings")
def test_all_text_of_every_figure_lies_inside(cut: dict[Path, list[str]]) -> None:
    assert len(cut) > 12
    assert {path: texts for path, texts in cut.items() if texts} == {}


def test_tick_labels_that_grow_in_the_layout_lie_inside() -> None:
    with styled(LIGHT):
        figure = canvas(7.0, 6.75, "title")
        grid = figure.subplots(3, 3)
        for axes in grid.flat:
            axes.plot([1, 2], [11.2, 21.3])
            axes.set_ylim(10.1936, 21.8648)
        lay_out(figure)
        assert cut_texts(figure) == []
        before = [[text.get_text() for text in axes.get_yticklabels()] for axes in grid.flat]
        for form, dpi in (("png", 200), ("png", 100), ("pdf", 72)):
            figure.savefig(io.BytesIO(), format=form, dpi=dpi)
            after = [[text.get_text() for text in axes.get_yticklabels()] for axes in grid.flat]
            assert after == before


def test_long_titles_and_legends_take_more_lines_instead_of_being_cut() -> None:
    with styled(LIGHT):
        figure = canvas(NARROW, 2.0, "a title of many words " * 8)
        axes = figure.subplots()
        for number in range(8):
            axes.plot([0, 1], label=f"a rather long name of line {number}")
        legend_below(figure, *axes.get_legend_handles_labels())
        lay_out(figure)
        assert cut_texts(figure) == []


def lines(figure: Figure | None, name: str) -> set[str]:
    """Colours of all lines with a label."""
    assert figure is not None
    found = set()
    for owner in (*figure.legends, *figure.axes):
        handles, labels = (
            (owner.get_lines(), [text.get_text() for text in owner.get_texts()])
            if owner in figure.legends
            else owner.get_legend_handles_labels()
        )
        for handle, label in zip(handles, labels, strict=False):
            if label == name:
                line = handle[0] if isinstance(handle, tuple) else handle
                found.add(to_hex(line.get_color()))
    return found


def test_a_family_has_one_colour_in_all_figures(suite_figures: dict[str, Figure]) -> None:
    collusion = suite_figures["collusion"]
    classic = lines(collusion, CLASSIC_INPAINTING)
    assert classic == lines(suite_figures["inpainting"], "telea")
    assert classic == {LIGHT.kinds[CLASSIC_INPAINTING]}
    windows = lines(collusion, WINDOWS)
    assert windows == {LIGHT.kinds[WINDOWS]}
    shown = suite_figures["attacks"].axes
    assert classic | windows <= {to_hex(line.get_color()) for axes in shown for line in axes.lines}


@pytest.mark.parametrize("name", ["quick-embedded", "standard-embedded"])
def test_labels_of_the_committed_utility_curves_do_not_overlap(name: str) -> None:
    run = RunData.read(REFERENCE / name)
    rows = run.records
    wanted = (rows["attack"] == "") | rows["region"].isin(["hidden", "visible"])
    wanted &= (rows["coalition"].fillna(1) == 1) & (rows["n_shards"] != 9)
    wanted &= rows["stage"].fillna("earliest") == "earliest"
    wanted &= rows["policy"].isin(["random"]) | (rows["attack"] == "")
    run = dataclasses.replace(run, records=rows[wanted & (~rows["metric"].isin(["ssim", "lpips"]))])
    figure = Drawing(FIGURES.get("privacy_utility")(), run).figure
    assert figure is not None
    for axes in figure.axes:
        labels = [text for text in axes.texts if text.get_fontsize() == LABEL_SIZE]
        boxes = [name_box(text) for text in labels]
        assert len(boxes) >= 3
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
        across = [line for line in axes.lines if line.get_transform() == axes.get_yaxis_transform()]
        for line in across:
            assert not any(box.overlaps(line.get_window_extent()) for box in boxes)


@pytest.mark.parametrize(("scores", "side"), [((0.72, 0.2), "right"), ((0.9, 0.6), "left")])
def test_the_filled_box_is_named_where_curves_are_far(scores: tuple[float, ...], side: str) -> None:
    points = pd.DataFrame({"strength": [0.0, 1.0], "miou_box": scores, "miou_fill": 0.68})
    points = points.assign(n_shards=4, miou_box_low=float("nan"), miou_box_high=float("nan"))
    axes = Figure().subplots()
    _utility(axes, points, LIGHT)
    (name,) = axes.texts
    assert name.get_horizontalalignment() == side
