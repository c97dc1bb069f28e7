"""What `pedbench run` prints beside its bars."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import main

SMALL = (
    "{model: toy, checkpoint: random, data: 'synthetic:1', public: [], seeds: [0], "
    "groups: [{coalitions: {4: [1]}, attacks: [mean_colour]}]}"
)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A run of few cells, with a cache that is empty."""
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    preset = tmp_path / "small.yaml"
    preset.write_text(SMALL)
    return ["run", "--preset", str(preset), "--out", str(tmp_path / "out"), "--workers", "1"]


def test_missing_weights_of_lpips_are_told_first_and_last(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    told = capsys.readouterr()
    assert told.err.startswith("pedbench: warning: no LPIPS scores")
    assert "'pedbench weights lpips'" in told.err.splitlines()[0]
    assert told.out.splitlines()[0].endswith(" 0 failed, LPIPS missing")
