"""Parts of a run, put together, are the run."""

from __future__ import annotations

import dataclasses
import json

import pandas as pd
import pytest

from bench.cli import main
from bench.flags.arguments import part
from bench.runner.folder.journal import JOURNAL, Journal
from bench.runner.folder.merge import merge
from bench.runner.folder.records import read_records
from bench.runner.run import rebuild_records, run
from bench.runner.units.share import Share
from bench.spec.config import load_preset
from framework.errors import PedbenchError

pytestmark = pytest.mark.slow

PRESET = """
model: toy
checkpoint: random
data: synthetic:2
public: []
seeds: [0]
groups:
  - policy: [random, strided]
    n_shards: [4]
    coalitions: {4: [1]}
    attacks: [telea]
pictures:
  - {policy: random, n_shards: 4, coalition: 1}
"""
ORDER = ["image_id", "plan", "policy", "attack", "region", "metric"]


def rows(folder):
    table = read_records(folder).drop(columns=["seconds", "commit"])
    return table.sort_values(ORDER).reset_index(drop=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The whole run and its two parts."""
    home = tmp_path_factory.mktemp("runs")
    (home / "small.yaml").write_text(PRESET)
    config = load_preset(str(home / "small.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(home / "cache"))
        run(config, home / "whole", device="cpu", workers=1)
        for number in (1, 2):
            run(config, home / f"{number}", device="cpu", workers=1, share=Share(number, 2))
        other = dataclasses.replace(config, limit=1)
        run(other, home / "other", device="cpu", workers=1, share=Share(1, 50))
    return home


def test_parts_are_disjoint_and_merged_they_are_the_whole_run(runs, tmp_path):
    parts = [runs / "1", runs / "2"]
    done = [set(Journal(part / JOURNAL).done) for part in parts]
    assert all(done)
    assert done[0].isdisjoint(done[1])
    units = merge([*parts, runs / "1"], tmp_path / "merged")
    rebuild_records(tmp_path / "merged")
    assert units == sum(map(len, done))
    pd.testing.assert_frame_equal(rows(tmp_path / "merged"), rows(runs / "whole"))
    pictures = {p.relative_to(tmp_path / "merged") for p in (tmp_path / "merged").rglob("*.png")}
    assert pictures
    assert all((runs / "whole" / picture).exists() for picture in pictures)


def test_parts_that_do_not_belong_together_are_refused(runs, tmp_path):
    with pytest.raises(PedbenchError, match="do not belong together, they differ in limit"):
        merge([runs / "1", runs / "other"], tmp_path / "merged")
    with pytest.raises(PedbenchError, match="is not a run folder"):
        merge([runs / "1", tmp_path], tmp_path / "merged")
    with pytest.raises(PedbenchError, match="is not empty"):
        merge([runs / "1", runs / "2"], runs / "whole")


def test_a_unit_under_two_keys_is_refused(runs, tmp_path):
    changed = tmp_path / "changed"
    changed.mkdir()
    for name in ("config.yaml", "environment.json"):
        (changed / name).write_bytes((runs / "1" / name).read_bytes())
    text = (runs / "1" / JOURNAL).read_text()
    for unit in Journal(runs / "1" / JOURNAL).done.values():
        text = text.replace(unit.key, "0" * 64)
    (changed / JOURNAL).write_text(text)
    with pytest.raises(PedbenchError, match="under another key"):
        merge([runs / "1", changed], tmp_path / "merged")
    assert merge([runs / "1"], tmp_path / "merged"), "what failed can be tried again"


def copied(part, home, **changes):
    """A part whose journal and environment have other texts."""
    home.mkdir()
    for path in (part / "config.yaml", part / "environment.json", part / JOURNAL):
        text = path.read_text()
        for old, new in changes.get(path.name.partition(".")[0], {}).items():
            assert old in text
            text = text.replace(old, new)
        (home / path.name).write_text(text)
    return home


def test_parts_of_other_photos_or_trained_defences_are_refused(runs, tmp_path):
    digests = {
        inputs[""]["the photo"]
        for line in (runs / "2" / JOURNAL).read_text().splitlines()
        if "the photo" in (inputs := json.loads(line)["inputs"])[""]
    }
    other = copied(runs / "2", tmp_path / "photos", journal={d: "0" * len(d) for d in digests})
    with pytest.raises(PedbenchError, match="they differ in the photo "):
        merge([runs / "1", other], tmp_path / "merged")
    one, two = (
        copied(
            runs / part,
            tmp_path / f"defence{part}",
            environment={'"defences": {}': f'"defences": {{"learned_noise 1": "{weights}"}}'},
        )
        for part, weights in (("1", "feed"), ("2", "f00d"))
    )
    with pytest.raises(PedbenchError, match="they differ in defences"):
        merge([one, two], tmp_path / "merged")
    merge([one, runs / "2"], tmp_path / "merged")
    assert "feed" in (tmp_path / "merged/environment.json").read_text()


def test_other_packages_and_missing_parts_are_told(runs, tmp_path, capsys):
    digests = {
        json.loads(line)["inputs"][""]["installed packages"]
        for line in (runs / "2" / JOURNAL).read_text().splitlines()
    }
    other = copied(runs / "2", tmp_path / "packages", journal={d: "0" * len(d) for d in digests})
    merge([runs / "1", other], tmp_path / "merged")
    assert "were computed by other versions of packages" in capsys.readouterr().err
    merge([runs / "1"], tmp_path / "half")
    assert "cells are in none of the parts: merge all parts" in capsys.readouterr().err


def test_a_part_is_which_one_of_how_many(capsys):
    assert part("2/8") == (2, 8)
    for wrong in ("0/8", "9/8", "2", "a/b", "-1/2"):
        assert main(["run", "--part", wrong]) == 2
        assert "give a part such as 2/8" in capsys.readouterr().err


def test_the_command_merges_and_reports(runs, tmp_path, capsys):
    folders = [str(runs / "1"), str(runs / "2")]
    assert main(["merge", *folders, "--out", str(tmp_path / "merged")]) == 0
    assert "0 failed" in capsys.readouterr().out
    assert (tmp_path / "merged/report.html").is_file()
    assert main(["merge", *folders, "--out", str(runs / "whole")]) == 2
    assert "is not empty" in capsys.readouterr().err
