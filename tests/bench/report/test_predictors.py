"""Which score predicts recognition: matched picture by picture, turned, and left out where few."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.report.base import FIGURES, TABLES
from bench.report.data import RunData
from bench.report.render.style import LIGHT, cut_texts, lay_out, styled
from bench.report.topics.leakage.predictors import predictors
from bench.runner.folder.records import Record
from tests.bench.output_support import exposure, leak, write_run


def records(photos: int) -> list[Record]:
    """Faces are found in the half that leaks most; PSNR is told at random."""
    found: list[Record] = []
    for number in range(photos):
        image, leaks = f"photo {number:02d}", number >= photos // 2
        found += leak(image, "telea", "face_recall", float(leaks), region="full")
        found += leak(image, "original", "face_recall", 1.0, region="full", attack_kind="ceiling")
        found += leak(image, "telea", "lpips", 0.9 - number / 100)
        found += leak(image, "telea", "psnr", 10.0 + number % 3)
        found += leak(image, "ridge", "psnr", 10.0 + number)
        found += exposure(image, number / 100)
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    return write_run(tmp_path_factory.mktemp("run"), records(24))


def test_lower_lpips_and_a_larger_share_predict_a_face(run: RunData) -> None:
    frame = predictors(run).set_index(["score", "region"])
    assert frame.loc[("lpips", "hidden"), "auc"] == 1
    assert frame.loc[("visible_fraction", ""), "auc"] == 1
    chance = frame.loc[("psnr", "hidden")]
    assert chance["auc_low"] < 0.5 < chance["auc_high"]
    assert set(frame["outcome"]) == {"face_recall"}


def test_only_pictures_that_recognisers_saw_count(run: RunData) -> None:
    frame = predictors(run)
    assert set(frame["pictures"]) == {24}
    assert frame["share"].to_list() == [0.5] * 3


def test_too_few_outcomes_tell_nothing(tmp_path: Path) -> None:
    few = write_run(tmp_path, records(18))
    assert predictors(few).empty
    assert "10 or more" in TABLES.get("predictors")().build(few).empty
    assert FIGURES.get("predictors")().draw(few, LIGHT) is None


def test_table_and_figure_name_every_score(run: RunData) -> None:
    table = TABLES.get("predictors")().build(run)
    assert [row[1] for row in table.rows] == ["LPIPS, hidden", "share received", "PSNR, hidden"]
    with styled(LIGHT):
        figure = FIGURES.get("predictors")().draw(run, LIGHT)
        assert figure is not None
        lay_out(figure)
        assert cut_texts(figure) == []
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert sorted(names) == ["LPIPS", "PSNR", "share received"]
