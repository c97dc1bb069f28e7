"""A run that goes on has the records of one that was never interrupted."""

import dataclasses
import importlib
import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from attacks.base import ATTACKS
from bench.cache import fingerprints
from bench.cache.fingerprints import source_fingerprint
from bench.runner.folder.journal import JOURNAL
from bench.runner.folder.records import write_records
from bench.runner.run import run
from bench.spec.config import Group, RunConfig
from framework import PedbenchError

pytestmark = pytest.mark.slow

PLAIN = RunConfig(
    preset="small",
    model="toy",
    checkpoint="random",
    data="synthetic:1",
    public=(),
    seeds=(0,),
    groups=(),
)
MINE = ["commit", "seconds"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))


def watched(sizes, attacks=("mean_colour",), **more):
    grid = {"policy": ["random"], "n_shards": [4]}
    group = Group(grid, coalitions={4: list(sizes)}, attacks=attacks, **more)
    return dataclasses.replace(PLAIN, groups=(group,))


def rows(result):
    order = ["image_id", "coalition", "coalition_choice", "attack", "region", "metric"]
    records = result.records.drop(columns=MINE).sort_values(order)
    return records.reset_index(drop=True)


def go(config, folder):
    return run(config, folder, workers=1)


def same_as_fresh(tmp_path, *configs):
    """Run the configurations in one folder; its records are those of the last one alone."""
    for config in configs:
        found = go(config, tmp_path / "resumed")
    pd.testing.assert_frame_equal(rows(found), rows(go(configs[-1], tmp_path / "fresh")))
    return found


class TestKeys:
    """Whatever records depend on is part of the key."""

    def test_always_hidden_is_of_the_coalitions_asked_for_last(self, tmp_path):
        found = same_as_fresh(tmp_path, watched([1, 2]), watched([1, 2, 3]))
        assert "always_hidden" in set(found.records["region"])
        assert go(watched([1, 2, 3]), tmp_path / "resumed").new_units == 0

    def test_fewer_coalitions_leave_no_record_of_another_definition(self, tmp_path):
        same_as_fresh(tmp_path, watched([1, 2, 3]), watched([1, 2]))

    def test_a_full_coalition_is_not_computed_again(self, tmp_path):
        go(watched([1, 2, 4]), tmp_path / "out")
        more = go(watched([1, 2, 3, 4]), tmp_path / "out")
        assert more.new_units == 3 * 2

    def test_what_the_first_seed_chooses_follows_it(self, tmp_path):
        config = watched([1, 2], choices=("seeded",))
        same_as_fresh(tmp_path, config, dataclasses.replace(config, seeds=(5,)))

    def test_more_attacks_keep_what_is_done(self, tmp_path):
        go(watched([1]), tmp_path / "out")
        assert go(watched([1], ("telea",)), tmp_path / "out").new_units == 1
        assert {"mean_colour", "telea"} <= set(rows(go(watched([1]), tmp_path / "out"))["attack"])

    def test_an_attack_by_another_file_of_the_users_own_is_computed_again(
        self, tmp_path, monkeypatch
    ):
        class Grey(torch.nn.Module):
            def __init__(self, grey: float) -> None:
                super().__init__()
                self.grey = grey

            def forward(self, picture: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
                return picture * 0 + self.grey + mask * 0

        config = watched([1], ("lama",))
        monkeypatch.delenv("PEDBENCH_LAMA", raising=False)
        assert "unsupported" in set(rows(go(config, tmp_path / "out"))["status"])
        psnr = []
        for name, grey in (("dark", 0.1), ("light", 0.9)):
            file = tmp_path / f"{name}.pt"
            torch.jit.script(Grey(grey)).save(str(file))
            monkeypatch.setenv("PEDBENCH_LAMA", str(file))
            found = rows(go(config, tmp_path / "out"))
            found = found[(found["attack"] == "lama") & (found["metric"] == "psnr")]
            psnr.append(found["value"].to_list())
        assert psnr[0]
        assert psnr[0] != psnr[1]

    def test_pictures_asked_for_later_are_made(self, tmp_path):
        go(watched([1]), tmp_path / "out")
        config = dataclasses.replace(watched([1]), save_images=True)
        files = go(config, tmp_path / "out").records["image_file"].dropna()
        assert len(files)
        assert all((tmp_path / "out" / file).exists() for file in files)


class TestPhotos:
    """A photo is told by its content."""

    @pytest.fixture
    def folder(self, tmp_path):
        """A data set of three photos with a mask each."""
        home = tmp_path / "photos"
        (home / "images").mkdir(parents=True)
        for number in range(3):
            paint(home, number, seed=number)
        images = [{"id": i, "file_name": f"{i}.png", "height": 60, "width": 80} for i in range(3)]
        ring = [10, 10, 50, 10, 50, 40, 10, 40]
        masks = [
            {"id": i + 1, "image_id": i, "category_id": 1, "segmentation": [ring], "iscrowd": 0}
            for i in range(3)
        ]
        content = {
            "images": images,
            "annotations": masks,
            "categories": [{"id": 1, "name": "thing"}],
        }
        (home / "instances.json").write_text(json.dumps(content))
        return home

    def config(self, folder, **more):
        return dataclasses.replace(watched([1]), data=f"coco:{folder}", **more)

    def test_one_replaced_under_its_name_is_scored_anew(self, tmp_path, folder, capsys):
        go(self.config(folder, save_images=True), tmp_path / "resumed")
        paint(folder, 1, seed=9)
        found = same_as_fresh(tmp_path, self.config(folder, save_images=True))
        assert found.new_units == 2
        told = capsys.readouterr().err
        assert "2 finished cells count no more, as what they depend on changed (the photo)" in told
        truths = [*(tmp_path / "fresh").rglob("truth.png")]
        assert len(truths) == 3
        for truth in truths:
            twin = tmp_path / "resumed" / truth.relative_to(tmp_path / "fresh")
            assert twin.read_bytes() == truth.read_bytes()

    def test_public_ones_replaced_train_another_attacker(self, tmp_path, folder):
        learned = watched([1], ("ridge",))
        config = dataclasses.replace(learned, public=(f"coco:{folder}",))
        go(config, tmp_path / "resumed")
        paint(folder, 1, seed=9)
        found = same_as_fresh(tmp_path, config)
        assert "ridge" in set(found.records["attack"])

    def test_one_that_can_be_read_again_is_no_failure_any_more(self, tmp_path, folder):
        (folder / "images" / "1.png").write_bytes(b"\x89PNG broken")
        first = go(self.config(folder), tmp_path / "resumed").records
        assert list(first.loc[first["status"] == "failed", "metric"]) == ["load"]
        again = go(self.config(folder), tmp_path / "resumed").records
        assert list(again.loc[again["status"] == "failed", "metric"]) == ["load"]
        paint(folder, 1, seed=1)
        same_as_fresh(tmp_path, self.config(folder))

    def test_recognition_follows_the_photos_it_compares_with(self, tmp_path, folder):
        config = dataclasses.replace(
            watched([1], recognise=("identity",)), data=f"coco:{folder}", limit=2
        )
        judged = go(config, tmp_path / "out").records.query("metric == 'psnr' or region == ''")
        more = go(dataclasses.replace(config, limit=3), tmp_path / "out")
        judges = [c for c in config.cells() if getattr(c, "recognise", "")]
        others = len(config.cells()) - len(judges)
        assert len(judged)
        assert judges
        assert more.new_units == 3 * len(judges) + others


def paint(home, number, seed):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(small).resize((80, 60), Image.Resampling.BICUBIC).save(
        home / "images" / f"{number}.png"
    )


def test_an_attack_whose_code_changed_is_computed_again_and_named(tmp_path, monkeypatch, capsys):
    source = tmp_path / "loose_attack.py"
    source.write_text(
        "from attacks.base import ATTACKS\n"
        "class Loose(ATTACKS.get('mean_colour')):\n"
        "    name = 'loose'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    attack = importlib.import_module("loose_attack").Loose
    monkeypatch.setitem(ATTACKS._parts, "loose", attack)
    config = watched([1], ("mean_colour", "loose"))
    assert go(config, tmp_path / "out").new_units == 3
    source.write_text(source.read_text() + "CHANGED = True\n")
    for known in (source_fingerprint, fingerprints._closure, fingerprints._imports):
        known.cache_clear()
    capsys.readouterr()
    assert go(config, tmp_path / "out").new_units == 1
    told = capsys.readouterr().err
    assert "1 finished cells count no more, as what they depend on changed (attack loose)" in told
    assert "1 of them are computed again" in told


def test_what_failed_is_tried_again_and_said(tmp_path, monkeypatch, capsys):
    def fail(self, observation):
        raise ValueError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr(ATTACKS.get("mean_colour"), "reconstruct", fail)
        first = go(watched([1]), tmp_path / "resumed")
    assert list(first.records.query("status == 'failed'")["attack"]) == ["mean_colour"]
    found = same_as_fresh(tmp_path, watched([1]))
    assert "1 failed cells of the last run are tried again" in capsys.readouterr().err
    assert found.new_units == 1


def test_garbage_in_a_journal_is_one_clear_error(tmp_path):
    go(watched([1]), tmp_path / "out")
    journal = tmp_path / "out" / JOURNAL
    journal.write_bytes(b"garbage\n" + journal.read_bytes())
    with pytest.raises(PedbenchError, match="damaged in line 1"):
        go(watched([1]), tmp_path / "out")


def test_a_truncated_environment_is_one_clear_error(tmp_path):
    config = watched([1])
    before = rows(go(config, tmp_path / "out"))
    file = tmp_path / "out" / "environment.json"
    file.write_text(file.read_text()[:40])
    with pytest.raises(PedbenchError, match=r"environment\.json is damaged: delete it"):
        go(config, tmp_path / "out")
    file.unlink()
    again = go(config, tmp_path / "out")
    assert again.new_units == 0
    pd.testing.assert_frame_equal(rows(again), before)


def test_scores_that_the_journal_lost_are_told(tmp_path, capsys):
    config = watched([1])
    found = go(config, tmp_path / "run").records
    write_records([found, found.assign(metric="vif")], tmp_path / "run")
    go(config, tmp_path / "run")
    said = f"held {2 * len(found)} records, the journal {len(found)}: what it lost is gone"
    assert said in capsys.readouterr().err
