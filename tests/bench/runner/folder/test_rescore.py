"""More metrics for a finished run, from the reconstructions that it kept."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from bench.cli import main
from bench.runner.folder.journal import JOURNAL
from bench.runner.folder.records import read_records
from bench.runner.folder.rescore import rescore
from bench.runner.run import rebuild_records, run
from bench.spec.config import load_preset
from framework.errors import PedbenchError

PRESET = """
model: toy
checkpoint: random
data: synthetic:1
public: []
seeds: [0]
groups:
  - policy: random
    n_shards: [4]
    coalitions: {4: [1, 4]}
    attacks: [telea]
    segmentation: true
"""
ORDER = ["coalition", "attack", "region", "metric"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with the metrics on demand, and one without."""
    home = tmp_path_factory.mktemp("runs")
    (home / "small.yaml").write_text(PRESET)
    config = load_preset(str(home / "small.yaml"))
    config = dataclasses.replace(config, save_images=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(home / "cache"))
        run(dataclasses.replace(config, metrics=("vif",)), home / "named", workers=1)
        run(config, home / "usual", workers=1)
        run(dataclasses.replace(config, save_images=False), home / "bare", workers=1)
    return home


@pytest.fixture
def usual(finished, tmp_path):
    return shutil.copytree(finished / "usual", tmp_path / "usual")


def rows(folder):
    table = read_records(folder).drop(columns=["seconds", "commit", "from_store"])
    return table.sort_values(ORDER).reset_index(drop=True)


def test_it_gives_the_records_of_a_run_with_that_metric(finished, usual):
    assert rescore(usual, ["vif"]) == 2
    rebuild_records(usual)
    assert rows(usual).equals(rows(finished / "named"))


def test_a_metric_scored_before_is_scored_again_in_its_place(usual):
    before = rows(usual)
    rescore(usual, ["psnr"])
    rebuild_records(usual)
    assert rows(usual).equals(before)


def test_a_run_without_reconstructions_is_refused(finished):
    with pytest.raises(PedbenchError, match="kept no reconstruction: run it again with"):
        rescore(finished / "bare", ["vif"])


def test_a_picture_that_is_gone_is_one_line(usual, capsys):
    next(usual.glob("images/*/*/visible.png")).unlink()
    assert main(["rescore", str(usual), "--metrics", "psnr"]) == 2
    assert "holds no visible.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "metric", "text"),
    [("usual", "vi", "did you mean 'vif'"), ("nothing", "vif", f"holds no {JOURNAL}")],
)
def test_what_cannot_be_scored_is_one_line(finished, capsys, folder, metric, text):
    assert main(["rescore", str(finished / folder), "--metrics", metric]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1
