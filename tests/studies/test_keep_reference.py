"""A finished run as a slim folder, and what is never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.errors import PedbenchError
from studies.upkeep.keep_reference import BESIDE, keep
from tests.bench.output_support import leak, write_run

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_slim_folder_has_records_tables_and_figures_and_can_be_made_anew(tmp_path):
    run, slim = tmp_path / "run", tmp_path / "slim"
    write_run(run, leak("a", "ridge", "psnr", 10) + leak("a", "mean_colour", "psnr", 9))
    for source in (run, slim):
        keep(source, slim)
        names = {file.name for file in slim.rglob("*") if file.is_file()}
        assert {"config.yaml", "records.parquet", "leakage.csv", "attacks.png"} <= names
        assert not {"report.html", "leakage.tex", "attacks.pdf"} & names


@pytest.mark.slow
def test_data_beside_the_repository_are_named_as_seen_from_it(tmp_path):
    run, slim = tmp_path / "run", tmp_path / "slim"
    write_run(run, leak("a", "ridge", "psnr", 10) + leak("a", "mean_colour", "psnr", 9))
    config = run / "config.yaml"
    config.write_text(f"{config.read_text()}data: coco:{BESIDE}/shared/photos\n")
    keep(run, slim)
    assert "coco:../shared/photos" in (slim / "config.yaml").read_text()


def test_no_reference_run_names_a_folder_of_one_machine():
    configs = list((ROOT / "results" / "reference").glob("*/config.yaml"))
    assert configs
    assert not [path for path in configs if ":/" in path.read_text()]


def test_a_folder_that_is_no_slim_run_is_left_alone(tmp_path):
    write_run(tmp_path / "run", leak("a", "ridge", "psnr", 10))
    (tmp_path / "run" / "journal.jsonl").write_text("")
    (tmp_path / "docs").mkdir()
    for wrong in (tmp_path / "docs", tmp_path / "run"):
        before = sorted(wrong.rglob("*"))
        with pytest.raises(PedbenchError, match="no slim folder of a run"):
            keep(tmp_path / "run", wrong)
        assert sorted(wrong.rglob("*")) == before
    with pytest.raises(PedbenchError, match="is no run"):
        keep(tmp_path / "docs", tmp_path / "new")
