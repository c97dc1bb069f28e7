"""Whatever is killed, and whenever, a run ends clearly and goes on to the same records."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from bench.cli import INTERRUPTED, main
from bench.runner.folder.records import read_records
from bench.runner.run import run
from bench.spec.config import load_preset

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[4]
PRESET = """
model: tiny
checkpoint: random
data: synthetic:3
public: []
seeds: [0]
groups:
  - policy: random
    n_shards: [4]
    coalitions: {4: [1]}
    attacks: [mean_colour, telea]
"""
ORDER = ["image_id", "coalition", "attack", "region", "metric"]


@pytest.fixture
def flags(tmp_path, monkeypatch):
    """What a small run is asked for; its folder comes last."""
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    preset = tmp_path / "small.yaml"
    preset.write_text(PRESET)
    return ["run", "--preset", str(preset), "--no-store", "--no-pictures", "--out"]


def measured(folder):
    records = read_records(folder).drop(columns=["seconds", "commit"])
    return records.sort_values(ORDER).reset_index(drop=True)


def run_small(flags, folder):
    config = dataclasses.replace(load_preset(flags[2]), pictures=())
    return run(config, folder, workers=1)


def workers_of(process):
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    found = {child for task in tasks for child in task.read_text().split()}
    return {child for child in found if "spawn_main" in command_line(child)}


def command_line(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


def test_a_run_killed_at_random_moments_has_the_records_of_one_that_was_not(
    flags, tmp_path, monkeypatch
):
    folder = tmp_path / "out"
    journal = folder / "journal.jsonl"
    command = [sys.executable, "-m", "bench", *flags, str(folder), "--workers"]
    chance = random.Random(14)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    workers = set()
    for count, end in (("2", signal.SIGKILL), ("1", signal.SIGTERM)):
        before = journal.stat().st_size if journal.exists() else 0
        process = subprocess.Popen([*command, count], cwd=ROOT, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (journal.exists() and journal.stat().st_size > before):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.2))
        workers |= workers_of(process)
        process.send_signal(end)
        process.wait()
    kept = [line for line in journal.read_bytes().splitlines(keepends=True) if line[-1:] == b"\n"]
    run_small(flags, folder)
    assert journal.read_bytes().startswith(b"".join(kept))
    units = [u for line in journal.read_text().splitlines() for u in json.loads(line)["units"]]
    assert len(units) == len(set(units))
    assert not list(temporary.iterdir())
    assert workers
    assert not any("spawn_main" in command_line(worker) for worker in workers)
    run_small(flags, tmp_path / "whole")
    pd.testing.assert_frame_equal(measured(folder), measured(tmp_path / "whole"))


def test_a_run_that_is_told_to_stop_ends_as_on_ctrl_c(flags, tmp_path, monkeypatch, capsys):
    def told(**_):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("bench.runner.run.run", told)
    assert main([*flags, str(tmp_path)]) == INTERRUPTED
    assert "run again to go on" in capsys.readouterr().err
