"""A disk that is full is one line; what was computed before is whole."""

from __future__ import annotations

import errno
from pathlib import Path

import pandas as pd
import pytest

from bench.cache.store import Store
from bench.cli import main
from bench.runner.folder.journal import JOURNAL, read_units
from bench.runner.folder.records import RECORDS, read_records
from bench.runner.forecast.rates import note
from bench.runner.run import run
from bench.spec.config import load_preset
from framework.files.cache import cache_dir
from framework.warn import warn_once
from tests.framework.support import no_file_beyond

pytestmark = pytest.mark.slow

PRESET = """
model: toy
checkpoint: random
data: synthetic:3
public: []
seeds: [0]
groups:
  - policy: random
    n_shards: 4
    coalitions: {4: [1]}
    attacks: [mean_colour]
pictures:
  - {policy: random, n_shards: 4, coalition: 1}
"""
ORDER = ["image_id", "attack", "region", "metric"]


@pytest.fixture
def preset(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "small.yaml"
    path.write_text(PRESET)
    return path


def command(preset, folder):
    return main(["run", "--preset", str(preset), "--out", str(folder), "--workers", "1"])


def measured(folder):
    table = read_records(folder).drop(columns=["seconds", "commit", "from_store"])
    return table.sort_values(ORDER).reset_index(drop=True)


def test_a_journal_that_cannot_grow_loses_only_the_unit_in_flight(preset, tmp_path, capsys):
    config = load_preset(str(preset))
    whole = run(config, tmp_path / "whole", device="cpu", workers=1)
    size = (tmp_path / "whole" / JOURNAL).stat().st_size
    folder = tmp_path / "out"
    capsys.readouterr()
    with no_file_beyond(int(0.6 * size)):
        assert command(preset, folder) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"pedbench: error: cannot write {folder / JOURNAL} (File too large)")
    assert "what is done is kept" in error
    done = read_units(folder / JOURNAL)
    again = run(config, folder, device="cpu", workers=1)
    assert 0 < len(done) < whole.new_units
    assert again.new_units == whole.new_units - len(done)
    pd.testing.assert_frame_equal(measured(folder), measured(tmp_path / "whole"))


@pytest.mark.parametrize("name", ["config.yaml", "environment.json", "truth.png", "seen.png"])
def test_any_file_that_cannot_be_written_is_one_line(preset, tmp_path, capsys, monkeypatch, name):
    write = Path.write_bytes

    def full(path, data):
        if path.name.startswith(f".{name}."):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    folder = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert command(preset, folder) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("pedbench: error: cannot write ")
    assert f"{name} (No space left on device): " in error
    assert not [*folder.rglob("*.part")]


def test_records_that_cannot_be_written_leave_the_journal(preset, tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("bench.runner.folder.records.pq.ParquetWriter.write_table", full)
        assert command(preset, folder) == 2
    assert f"{RECORDS} (No space left on device)" in capsys.readouterr().err
    assert not [*folder.rglob("*.part")]
    assert run(load_preset(str(preset)), folder, device="cpu", workers=1).new_units == 0


def test_store_and_rates_that_cannot_be_written_are_one_warning_each(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path))
    warn_once.cache_clear()
    store = Store(cache_dir() / "store", 10**6)
    with no_file_beyond(10):
        for number in range(3):
            store.put(f"{number}" * 8, {"value": "x" * 100})
            note("here", {"cell": (1.0, 1)})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "nothing is kept" in lines[0]
    assert "not kept" in lines[1]
