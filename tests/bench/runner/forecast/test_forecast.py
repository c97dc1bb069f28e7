"""A run is foretold from measured rates, and a dry run leaves no trace."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import pytest

from bench.cli import main
from bench.runner.context import Task
from bench.runner.forecast import measuring, rates
from bench.runner.forecast.dry_run import dry_run
from bench.runner.forecast.forecast import Forecast, duration, few, trained_from_nothing
from bench.runner.forecast.progress import Progress
from bench.runner.forecast.rates import Rates, note, read_rates
from bench.runner.forecast.typical import typical_forecast
from bench.runner.phases import Spent
from bench.runner.run import run
from bench.spec.config import load_preset
from framework.models import checkpoint

PRESET = """
model: toy
checkpoint: random
data: synthetic:2
public: ["synthetic:2@1"]
seeds: [0]
groups:
  - policy: [random, strided]
    n_shards: [4]
    coalitions: {4: [1]}
    attacks: [mean_colour, ridge]
    segmentation: true
"""
MEANS = {
    "attacker": 1.0,
    "train ridge": 10.0,
    "pipeline": 2.0,
    "cell": 0.5,
    "attack ridge": 3.0,
    "segmentation": 4.0,
    "run": 7.0,
    "image": 0.25,
    "worker": 5.0,
    "bytes of records": 100.0,
    "report bytes": 1000.0,
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(PRESET)
    return load_preset(str(path))


def forecast(config, workers, known=MEANS):
    pipelines = {cell.pipeline for cell in config.cells()}
    tasks = [
        Task("a", tuple(cell for cell in config.cells() if cell.pipeline == pipeline))
        for pipeline in sorted(pipelines, key=repr)
    ]
    attackers = trained_from_nothing(config.cells())
    return Forecast(config, 1, tasks, attackers, workers, Rates(known, {}))


def test_seconds_add_up_and_workers_share_them(config):
    alone, shared = forecast(config, 1), forecast(config, 2)
    cells = len(config.cells())
    assert alone.attackers_s == 11.0
    assert alone.cells_s == 2 * (2.0 + 3.0 + 4.0) + 0.5 * cells
    assert alone.seconds == alone.attackers_s + alone.cells_s + 7.25
    assert shared.attackers_s == 11.0
    assert shared.cells_s == alone.cells_s / 2
    assert shared.seconds == shared.attackers_s + shared.cells_s + 7.25 + 5.0
    assert alone.bytes == 100 * cells + 1000


def test_what_comes_with_the_package_is_not_counted_as_training():
    quick = load_preset("quick")
    rates = Rates({**MEANS, "train conv_decoder": 100.0, "report": 30.0}, {})
    trained = Counter(cell.attack for cell in trained_from_nothing(quick.cells()))
    found = typical_forecast(quick, rates)
    left = Counter(cell.attack for cell in found.attackers)
    assert trained["ridge"] == left["ridge"]
    assert 0 <= left["conv_decoder"] < trained["conv_decoder"]
    training = 10.0 * left["ridge"] + 100.0 * left["conv_decoder"] + len(found.attackers)
    assert found.attackers_s == pytest.approx(training / found.workers)
    around = 7.0 + 0.25 * found.images + 30.0 + (5.0 if found.workers > 1 else 0.0)
    assert found.seconds == pytest.approx(found.attackers_s + found.cells_s + around)


def test_it_says_where_its_rates_come_from(config):
    assert "by rates measured here" in forecast(config, 1).line()
    assert "a guess by rates of another machine" in forecast(config, 1, {}).line()
    half = dataclasses.replace(forecast(config, 1), rates=Rates({"run": 1.0}, {"image": 1.0}))
    assert half.basis.startswith("50 % of it by rates measured here")


def test_later_measurements_count_more():
    note("here", {"cell": (8.0, 2.0), "never": (0.0, 0)})
    assert read_rates("toy", "here").here == {"cell": 4.0}
    note("here", {"cell": (2.0, 1.0)})
    assert read_rates("toy", "here").here == {"cell": 3.0}
    assert read_rates("toy", "elsewhere").here == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"here": {"cell": [1, 0]}}', '{"here": 5}'])
def test_damaged_rates_count_as_missing(tmp_path, text):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / rates.FILE).write_text(text)
    assert read_rates("toy", "here").here == {}


def test_rates_of_another_model_are_scaled_by_its_size():
    small, large = read_rates("tiny", "nowhere"), read_rates("vit_h", "nowhere")
    assert small.of("pipeline") > 0
    assert large.of("pipeline") > 10 * small.of("pipeline")
    assert large.of("run") > 0
    for kind in ("attack ridge", "segmentation", "cell"):
        assert large.of(kind) == pytest.approx(16 * small.of(kind))
    assert small.of("no such kind") is None
    assert small.of("train ridge_prior") == small.of("train ridge")


def test_phases_become_kinds_of_work():
    times = {
        "encode": Spent(6.0, 2),
        "attack ridge": Spent(3.0, 3),
        "metric psnr": Spent(1.0, 5),
        "workers idle": Spent(100.0, 1),
        "start workers": Spent(8.0, 2),
    }
    found = measuring.cells_measured(times, pipelines=3, cells=4)
    assert found == {
        "pipeline": (6.0, 3),
        "attack ridge": (3.0, 3),
        "cell": (1.0, 4),
        "worker": (8.0, 2),
    }


@pytest.mark.slow
def test_a_dry_run_tells_what_a_run_then_does_and_leaves_no_trace(tmp_path, config, capsys):
    folder = tmp_path / "out"
    before = dry_run(config, folder, device="cpu", workers=1)
    assert not folder.exists()
    result = run(config, folder, device="cpu", workers=1)
    assert before.forecast.cells == result.new_units == before.cells * 2
    assert [cell.attack for cell in before.forecast.attackers] == ["mean_colour", "ridge"]
    assert "cells to compute in 4 units: about" in capsys.readouterr().err
    measured = json.loads((tmp_path / "cache" / rates.FILE).read_text())[result.place]
    assert {"train ridge", "attack ridge", "segmentation", "pipeline", "run"} <= set(measured)
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    more = dry_run(dataclasses.replace(config, limit=1), folder, device="cpu", workers=1)
    assert (more.finished, more.forecast.cells, more.forecast.attackers) == (before.cells, 0, [])
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == files


def test_the_command_prints_it(tmp_path, capsys):
    (tmp_path / "small.yaml").write_text(PRESET)
    out = tmp_path / "out"
    command = ["run", "--preset", str(tmp_path / "small.yaml"), "--out", str(out), "--dry-run"]
    assert main(command) == 0
    text = capsys.readouterr().out
    for words in (
        "8 x 2 images",
        "1 to fit: ridge 1",
        "GB free",
        "about",
        "a guess by rates",
    ):
        assert words in text
    assert not out.exists()


def test_a_dry_run_downloads_no_weights(tmp_path, monkeypatch, config):
    monkeypatch.setitem(checkpoint.OFFICIAL, "tiny", ("tiny.pth", "0" * 64))
    official = dataclasses.replace(config, model="tiny", checkpoint=None)
    told, other = (
        dry_run(wanted, tmp_path / "out", device="cpu", workers=1) for wanted in (official, config)
    )
    assert told.forecast.cells == told.cells * 2
    assert "the run downloads those of tiny first" in told.text()
    assert "the run downloads" not in other.text()


def test_a_place_that_a_run_could_not_write_is_refused_beforehand(tmp_path, capsys):
    (tmp_path / "small.yaml").write_text(PRESET)
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        command = ["run", "--preset", str(tmp_path / "small.yaml"), "--out", str(out)]
        for more in ([], ["--dry-run"]):
            assert main(command + more) == 2
            said = capsys.readouterr().err
            assert said.startswith(f"pedbench: error: cannot write {out} (")
            assert "give another --out" in said


def test_the_time_left_shrinks_to_nothing(config, monkeypatch):
    monkeypatch.setattr("bench.runner.forecast.progress.time.perf_counter", lambda: 0.0)
    ahead = forecast(config, 1)
    progress = Progress(ahead)
    assert "(attackers 11 s, cells" in progress.time_left()
    with progress.wave("attackers"):
        progress.fitted(ahead.attackers[0])
    with progress.wave("cells"):
        for task in ahead.tasks:
            progress.computed(task.image_id, task.cells[:1])
            assert "left" in progress.time_left()
            progress.computed(task.image_id, task.cells[1:])
    assert progress.time_left() == "about 0 s left"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (119, "119 s"),
        (150, "2.5 min"),
        (3600, "60 min"),
        (9000, "2.5 h"),
        (1e6, "12 days"),
    ],
)
def test_durations_have_the_unit_that_suits_them(seconds, words):
    assert duration(seconds) == words


def test_attackers_never_timed_are_counted_and_three_named(config):
    assert ": about 40 s with" in forecast(config, 1).line()
    untimed = {kind: s for kind, s in MEANS.items() if kind != "train ridge"}
    line = forecast(config, 1, untimed).line()
    assert line.startswith("1 attacker to fit and ")
    assert ": at least " in line
    assert "; not counted: 1 attacker was never timed (ridge)" in line
    assert few(["a", "b", "c", "d", "e"]) == "a, b, c, … and 2 more"
    assert few(["a", "b"]) == "a, b"
