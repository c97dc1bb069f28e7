"""More metrics for a finished run, from the reconstructions that it kept."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image as Pillow

from bench.cli import main
from bench.runner.evaluation.pictures import kept_size
from bench.runner.folder.journal import JOURNAL
from bench.runner.folder.records import read_records
from bench.runner.folder.rescore import rescore
from bench.runner.run import rebuild_records, run
from bench.spec.config import load_preset
from framework.errors import PedbenchError

pytestmark = pytest.mark.slow

PRESET = """
model: toy
checkpoint: random
data: synthetic:1
public: []
seeds: [0]
groups:
  - policy: random
    n_shards: [4]
    coalitions: {4: [1, 2, 4]}
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
        bare = dataclasses.replace(config, save_images=False)
        run(bare, home / "bare", workers=1)
        compact = dataclasses.replace(bare, keep_reconstructions=True)
        run(compact, home / "compact", workers=1)
    return home


@pytest.fixture
def usual(finished, tmp_path):
    return shutil.copytree(finished / "usual", tmp_path / "usual")


def rows(folder):
    table = read_records(folder).drop(columns=["seconds", "commit", "from_store"])
    return table.sort_values(ORDER).reset_index(drop=True)


def test_it_gives_the_records_of_a_run_with_that_metric(finished, usual):
    assert rescore(usual, ["vif"]) == 3
    rebuild_records(usual)
    named = rows(finished / "named")
    later = (named["metric"] == "vif") & (named["region"] == "always_hidden")
    assert later.any()
    assert rows(usual).equals(named[~later].reset_index(drop=True))


def test_reconstructions_kept_compactly_are_the_same_to_the_bit_and_score_alike(
    finished, usual, tmp_path
):
    compact = shutil.copytree(finished / "compact", tmp_path / "compact")
    kept = sorted(compact.glob("images/*/*/telea.webp"))
    assert len(kept) == 3
    for file in kept:
        png = usual / file.relative_to(compact).with_suffix(".png")
        assert np.array_equal(*(np.asarray(Pillow.open(path)) for path in (file, png)))
    assert kept_size(compact)[1] < kept_size(usual)[1]
    for folder in (compact, usual):
        rescore(folder, ["vif"])
        rebuild_records(folder)
    files = {"image_file": None}
    assert rows(compact).assign(**files).equals(rows(usual).assign(**files))


def test_a_metric_scored_before_is_scored_again_in_its_place(usual):
    before = rows(usual)
    assert "always_hidden" in set(before["region"])
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


@pytest.mark.parametrize("size", [(7, 9), (20_000, 20_000)])
def test_a_picture_of_another_size_is_one_line(usual, capsys, size):
    Pillow.new("1", size).save(next(usual.glob("images/*/*/telea.png")))
    assert main(["rescore", str(usual), "--metrics", "psnr"]) == 2
    assert "run it again with --keep-reconstructions" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "metric", "text"),
    [("usual", "vi", "did you mean 'vif'"), ("nothing", "vif", f"holds no {JOURNAL}")],
)
def test_what_cannot_be_scored_is_one_line(finished, capsys, folder, metric, text):
    assert main(["rescore", str(finished / folder), "--metrics", metric]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1
