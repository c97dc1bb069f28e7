"""Phases add up to the time there was."""

import pytest

from bench.cli import main
from bench.runner.phases import Spent, Stopwatch, time_table


def test_nested_phases_count_once(monkeypatch):
    now = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0])
    monkeypatch.setattr("bench.runner.phases.perf_counter", lambda: next(now))
    watch = Stopwatch()
    with watch.phase("outer"), watch.phase("inner"):
        pass
    times = watch.drain()
    assert times == {"other": Spent(6.0, 0), "outer": Spent(6.0, 1), "inner": Spent(3.0, 1)}
    assert sum(spent.seconds for spent in times.values()) == pytest.approx(15.0)


def test_an_error_leaves_the_phase():
    watch = Stopwatch()
    with pytest.raises(ValueError, match="x"), watch.phase("outer"):
        raise ValueError("x")
    watch.drain()
    assert set(watch.drain()) == {"other"}


def test_the_table_adds_up():
    text = time_table({"encode": Spent(3.0, 6), "other": Spent(1.0)}, 4.5)
    assert "75.0%" in text
    assert "500.0" in text
    assert text.splitlines()[-2].split() == ["sum", "over", "processes", "4.00"]


def test_the_command_profiles_computing_and_writes_no_report(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    preset, out = tmp_path / "small.yaml", tmp_path / "out"
    preset.write_text(
        "{model: toy, checkpoint: random, data: 'synthetic:1', public: [], seeds: [0], "
        "groups: [{coalitions: {4: [1]}, attacks: [mean_colour]}]}"
    )
    command = ["profile", "--preset", str(preset), "--out", str(out), "--workers", "1"]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert told.startswith("2 new cells, 0 from the store")
    assert "encode" in told
    assert "attack mean_colour" in told
    assert "\nreport " not in told
    assert (out / "records.parquet").is_file()
    assert not (out / "report.html").exists()
    for more in (["--preset", "latency"], ["--preset", str(preset), "--dry-run"]):
        assert main(["profile", *more]) == 2
        assert "computes no cells" in capsys.readouterr().err
