"""Runs that measured little, or nothing that came out: their report says so and is whole."""

from __future__ import annotations

from pathlib import Path

from bench.report.base import TABLES
from bench.report.summary.key_figures import key_figures
from tests.bench.output_support import leak, segmentation, write_run


def test_a_quality_without_the_filled_box_beside_it_stands_alone(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", segmentation("a", {"miou_box": 0.7, "instances": 2.0}))
    [figure] = key_figures(run)
    assert (figure.value, figure.note) == ("0.700", "")


def test_attacks_that_all_failed_still_have_their_table(tmp_path: Path) -> None:
    failed = {"status": "failed", "error": "no memory", "value": None}
    records = leak("a", "ridge", "psnr", None, **failed)
    run = write_run(tmp_path / "run", records)
    assert TABLES.get("attacks")().build(run).frame["attack"].tolist() == ["ridge"]


def test_a_defence_whose_bytes_nobody_counted_has_no_cost(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run", segmentation("a", {"miou_box": 0.7}, defence="gaussian", strength=1.0)
    )
    assert not TABLES.get("defence_cost")().applies(run)
