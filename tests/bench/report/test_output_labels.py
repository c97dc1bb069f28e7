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
from bench.report.data import RunData
from bench.report.pictures.figure import strip_plots
from bench.report.render.drawing import Drawing
from bench.report.render.labels import LABEL_SIZE
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
from bench.report.topics.figures import PLOTS
from bench.report.topics.leakage.attacks import draw_attacks
from bench.report.topics.leakage.collusion import draw_collusion
from bench.report.topics.leakage.inpainting_figure import draw_inpainting
from bench.report.topics.leakage.stages_figure import draw_stages
from bench.report.topics.tables import build_tables
from bench.report.topics.utility.defence_strength import draw_noise
from bench.report.topics.utility.privacy_utility_figure import UTILITY
from bench.report.words import measure, protected
from framework.split.defences import DEFENCES
from framework.split.defences.base import Defence
from tests.bench.output_support import full_run
from tests.bench.suite_support import suite_run

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
def full(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    """Every figure but those of the suite."""
    return full_run(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    """The attack suite."""
    return suite_run(tmp_path_factory.mktemp("suite"), images=2, seeds=1)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parts registered."""
    METRICS.names(), DEFENCES.names()
    monkeypatch.setitem(METRICS._parts, "warped", Warped)
    monkeypatch.setitem(DEFENCES._parts, "shuffled", Shuffled)


def foreign(run: RunData) -> RunData:
    """The run with its noise made by `Shuffled`, and LPIPS scores again as `Warped`."""
    kept = (run.records["n_shards"] == 4) & (run.records["coalition"].fillna(1) < 4)
    records = run.records[kept].copy()
    records["defence"] = records["defence"].replace("gaussian", "shuffled")
    again = records[records["metric"] == "lpips"].assign(metric="warped")
    records = pd.concat([records, again], ignore_index=True)
    return dataclasses.replace(run, records=records)


def texts(figure: Figure | None) -> list[str]:
    assert figure is not None
    return [text.get_text() for text in shown_texts(figure)]


@pytest.mark.usefixtures("parts")
def test_a_defence_is_named_by_its_own_label_in_headline_tile_and_axis(full: RunData) -> None:
    run = foreign(full)
    assert any(line.startswith("Token shuffle of strength 0.5") for line in headline(run))
    assert "is what token shuffle costs" in {figure.label for figure in key_figures(run)}
    with styled(LIGHT):
        assert "share of tokens shuffled" in texts(draw_noise(run, LIGHT))
        found = texts(UTILITY.draw(run, LIGHT))
    assert "token shuffle" in found
    assert not any("noise" in text.lower() for text in found)


def test_labels_of_defences() -> None:
    assert protected("gaussian", 0.5) == "noise 0.5"
    assert protected("of_another_package", 1.0) == "of another package 1"
    assert protected("none", 0.0) == "no defence"


@pytest.mark.usefixtures("parts")
def test_a_metric_of_a_third_party_is_in_every_table_where_lpips_is(full: RunData) -> None:
    for table in build_tables(foreign(full)):
        shown = [column.label for column in table.shown]
        wanted = [
            label.replace("LPIPS", "Warp distance (px)") for label in shown if "LPIPS" in label
        ]
        wanted = [label.replace("(px) gain", "gain") for label in wanted]
        assert set(wanted) <= set(shown), table.name
        decimals = {c.decimals for c in table.shown if "Warp" in c.label}
        assert decimals <= {1}


@pytest.mark.usefixtures("parts")
def test_a_metric_of_a_third_party_is_in_every_figure_where_lpips_is(full: RunData) -> None:
    run = foreign(full)
    for plot in PLOTS:
        with styled(LIGHT):
            figure = plot.draw(run, LIGHT)
            found = [] if figure is None else texts(figure)
        if any("LPIPS" in text for text in found):
            assert any("Warp distance (px)" in text for text in found), plot.name


@pytest.mark.usefixtures("parts")
def test_a_metric_is_described_by_its_class() -> None:
    words = measure("warped")
    assert (words.heading, words.decimals, words.higher_is_worse) == (
        "Warp distance (px)",
        1,
        False,
    )
    assert measure("psnr").heading == "PSNR (dB)"


def drawn(run: RunData) -> Iterator[tuple[str, Figure]]:
    for plot in (*PLOTS, *strip_plots(run)):
        figure = Drawing(plot, run).figure
        if figure is not None:
            yield plot.name, figure


@pytest.mark.parametrize("kind", ["full", "suite"])
def test_all_text_of_every_figure_lies_inside(kind: str, request: pytest.FixtureRequest) -> None:
    for name, figure in drawn(request.getfixturevalue(kind)):
        assert cut_texts(figure) == [], name


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


def test_a_family_has_one_colour_in_all_figures(suite: RunData) -> None:
    with styled(LIGHT):
        collusion = draw_collusion(suite, LIGHT)
        inpainting = draw_inpainting(suite, LIGHT)
        stages = draw_stages(suite, LIGHT)
        attacks = draw_attacks(suite, LIGHT)
    classic = lines(collusion, CLASSIC_INPAINTING)
    assert classic == lines(inpainting, "telea") == {LIGHT.kinds[CLASSIC_INPAINTING]}
    windows = lines(collusion, WINDOWS)
    assert windows == lines(stages, "ridge") == lines(stages, "conv decoder")
    assert attacks is not None
    used = {to_hex(line.get_color()) for axes in attacks.axes for line in axes.lines}
    assert classic | windows <= used


@pytest.mark.parametrize("name", ["standard-embedded", "standard-bsds500_val"])
def test_labels_of_the_committed_utility_curves_do_not_overlap(name: str) -> None:
    run = RunData.read(REFERENCE / name)
    rows = run.records
    wanted = (rows["attack"] == "") | rows["region"].isin(["hidden", "visible"])
    wanted &= (rows["coalition"].fillna(1) == 1) & (rows["n_shards"] != 9)
    wanted &= rows["stage"].fillna("earliest") == "earliest"
    wanted &= rows["policy"].isin(["random"]) | (rows["attack"] == "")
    run = dataclasses.replace(run, records=rows[wanted & (rows["metric"] != "ssim")])
    figure = Drawing(UTILITY, run).figure
    assert figure is not None
    for axes in figure.axes:
        labels = [text for text in axes.texts if text.get_fontsize() == LABEL_SIZE]
        boxes = [text.get_window_extent() for text in labels]
        assert len(boxes) >= 3
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
        across = [line for line in axes.lines if line.get_transform() == axes.get_yaxis_transform()]
        for line in across:
            assert not any(box.overlaps(line.get_window_extent()) for box in boxes)
