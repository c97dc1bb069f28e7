"""A cell whose inputs and code are the same is not repeated, and nothing else is taken for it."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save
from safetensors.torch import save_file

from attacks.base import ATTACKS
from bench.cache.store import Store
from bench.runner.folder.records import read_records
from bench.runner.run import run
from bench.spec.config import read_config
from framework import PedbenchError, build_sam
from framework.split.defences import make_defence

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
    segmentation: true
    coalitions: {4: [1]}
    attacks: [mean_colour, ceiling]
pictures:
  - {policy: random, coalition: 1}
"""
KEYS = ["image_id", "attack", "region", "metric"]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "small.yaml"
    path.write_text(PRESET)
    return read_config(path)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store", 10**9)


def attacking(config, *names):
    group = dataclasses.replace(config.groups[0], attacks=names)
    return dataclasses.replace(config, groups=(group,))


def rows(result):
    return result.records.sort_values(KEYS).reset_index(drop=True)


def test_a_second_run_takes_everything_and_has_the_same_records(tmp_path, config, store):
    without = run(config, tmp_path / "without", workers=1)
    first = run(config, tmp_path / "first", workers=1, store=store)
    second = run(config, tmp_path / "second", workers=1, store=store)
    assert (first.new_units, first.from_store) == (4, 0)
    assert (second.new_units, second.from_store) == (0, 4)
    assert rows(second)["from_store"].all()
    assert not rows(first)["from_store"].any()
    pd.testing.assert_frame_equal(rows(first).drop(columns="from_store"),
                                  rows(second).drop(columns="from_store"))  # fmt: skip
    mine = ["seconds", "from_store"]
    pd.testing.assert_frame_equal(rows(first).drop(columns=mine), rows(without).drop(columns=mine))
    for file in (tmp_path / "first" / "images").rglob("*.*"):
        twin = tmp_path / "second" / file.relative_to(tmp_path / "first")
        assert twin.read_bytes() == file.read_bytes()


RUN = """
import sys
from pathlib import Path
import tests.toy_model
from bench.cache.store import Store
from bench.runner.run import run
from bench.spec.config import read_config

home = Path(sys.argv[1])
config, store = read_config(home / "two.yaml"), Store(home / "store", 10**9)
print("ready", flush=True)
run(config, home / "there", workers=1, store=store)
"""


def test_two_runs_at_once_on_one_store_are_both_right(tmp_path, config, store):
    two = dataclasses.replace(config, data="synthetic:2", pictures=())
    (tmp_path / "two.yaml").write_text(two.to_yaml())
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"ready\n"
        run(two, tmp_path / "here", workers=1, store=store)
    assert other.returncode == 0
    expected = rows(run(two, tmp_path / "alone", workers=1))
    mine = ["seconds", "from_store", "commit", "device"]
    for name in ("here", "there"):
        found = read_records(tmp_path / name).sort_values(KEYS).reset_index(drop=True)
        pd.testing.assert_frame_equal(found.drop(columns=mine), expected.drop(columns=mine))


def test_a_picture_deleted_by_another_run_is_made_anew(tmp_path, config, store, monkeypatch):
    run(config, tmp_path / "first", workers=1, store=store)
    seen, blob = set(), Store.blob

    def once(self, digest):
        """Each blob is there when it is looked for, and gone when it is to be copied."""
        if digest in seen:
            return None
        seen.add(digest)
        return blob(self, digest)

    monkeypatch.setattr(Store, "blob", once)
    second = run(config, tmp_path / "second", workers=1, store=store)
    assert second.new_units > 0
    pictures = list((tmp_path / "first" / "images").rglob("*.*"))
    assert pictures
    for file in pictures:
        assert (tmp_path / "second" / file.relative_to(tmp_path / "first")).is_file()


def test_only_what_is_new_is_computed(tmp_path, config, store):
    run(config, tmp_path / "first", workers=1, store=store)
    more = attacking(config, "mean_colour", "ceiling", "telea")
    assert run(more, tmp_path / "more", workers=1, store=store).new_units == 1
    random = dataclasses.replace(config, data="synthetic:1@5")
    assert run(random, tmp_path / "photo", workers=1, store=store).from_store == 0
    save_file(build_sam("toy", "random", seed=1).state_dict(), tmp_path / "toy.safetensors")
    trained = dataclasses.replace(config, checkpoint=str(tmp_path / "toy.safetensors"))
    assert run(trained, tmp_path / "weights", workers=1, store=store).from_store == 0


def test_other_source_is_computed_anew(tmp_path, config, store, monkeypatch):
    run(config, tmp_path / "first", workers=1, store=store)
    monkeypatch.setattr(
        "bench.cache.keys.pipeline_sources", lambda pipeline, sam: {"code of pipelines": "changed"}
    )
    assert run(config, tmp_path / "second", workers=1, store=store).new_units == 4


def test_a_defence_that_was_trained_again_is_computed_anew(tmp_path, config, store):
    sam, defence = build_sam("toy", "random"), make_defence("hide_layout", 2)
    path = defence.path(sam, "interleaved")
    path.parent.mkdir(parents=True)
    fields = {**config.groups[0].grid, "defence": ["hide_layout"], "strength": [2.0]}
    group = dataclasses.replace(config.groups[0], grid=fields)
    defended = dataclasses.replace(config, groups=(group,), pictures=())
    for seed, expected in ((0, 0), (0, 4), (1, 0)):
        values = np.random.default_rng(seed).normal(size=(1, 96, 75)).astype(np.float32)
        path.write_bytes(save({"bases": values, "means": np.zeros((1, 96), np.float32)}))
        found = run(defended, tmp_path / f"{seed}-{expected}", workers=1, store=store)
        assert found.from_store == expected


def test_what_failed_is_not_kept(tmp_path, config, store, monkeypatch):
    def fail(self, observation):
        raise ValueError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr(ATTACKS.get("ceiling"), "reconstruct", fail)
        first = run(config, tmp_path / "first", workers=1, store=store)
    assert (first.records["status"] == "failed").sum() == 1
    second = run(config, tmp_path / "second", workers=1, store=store)
    assert (second.new_units, second.from_store) == (1, 3)
    assert (second.records["status"] != "failed").all()


def test_precisions_are_not_confused(tmp_path, config, store):
    grid = {**config.groups[0].grid, "plan": ["globals_last"]}
    group = dataclasses.replace(config.groups[0], grid=grid, attacks=("ridge",), stages=(2,))
    attacked = dataclasses.replace(config, groups=(group,), public=("synthetic:4@1",))
    full = rows(run(attacked, tmp_path / "float32", workers=1, store=store))
    for precision in ("int8", "bfloat16"):
        lower, folder = dataclasses.replace(attacked, precision=precision), tmp_path / precision
        found = run(lower, folder, workers=1, store=store)
        records = rows(found)
        assert found.from_store == 0
        assert "ridge" in set(records.loc[records["value"].notna(), "attack"])
        assert not (records["status"] == "failed").any()
        assert set(records["weights"]) == {f"{full['weights'].iloc[0]}, {precision}"}
        assert read_config(folder / "config.yaml").precision == precision
        assert not records["value"].equals(full["value"])
    assert run(lower, tmp_path / "again", workers=1, store=store).new_units == 0
    with pytest.raises(PedbenchError, match="another precision"):
        run(lower, tmp_path / "float32", workers=1, store=store)


def test_precision_is_checked(tmp_path, config):
    with pytest.raises(PedbenchError, match="known are bfloat16, float16"):
        run(dataclasses.replace(config, precision="int7"), tmp_path / "out", workers=1)
    with pytest.raises(PedbenchError, match="--device cpu"):
        run(dataclasses.replace(config, precision="int8"), tmp_path / "out", device="cuda")
