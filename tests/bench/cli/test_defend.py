"""`pedbench defend` trains what is named, or what a preset asks for and is missing."""

from __future__ import annotations

import pytest

from bench.cli import main
from framework.files import cache

PRESET = (
    "{model: toy, checkpoint: random, data: embedded, public: [], seeds: [0], "
    "groups: [{segmentation: true}, "
    "{segmentation: true, defence: learned_noise, strength: [0.1, 1]}, "
    "{segmentation: true, defence: hide_layout, strength: [5, 10]}, "
    "{segmentation: true, defence: gaussian, strength: 1}]}"
)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def preset(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(PRESET)
    return str(path)


def test_a_preset_trains_what_is_missing_and_a_second_call_nothing(preset, tmp_path, capsys):
    command = ["defend", "--preset", preset, "--checkpoint", "random", "--steps", "1"]
    command += ["--data", "synthetic:2"]
    assert main(command) == 0
    assert "3 to train" in capsys.readouterr().out
    kept = sorted(path.name for path in (tmp_path / "cache/defences").iterdir())
    assert [name.rsplit("-", 1)[0] for name in kept] == [
        "hide_layout-interleaved", "learned_noise-0.1", "learned_noise-1",
    ]  # fmt: skip
    assert main(command) == 0
    assert "0 to train; 4 need none or have theirs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "what shall be trained?"),
        (["nopeek"], "what shall be trained?"),
        (["gaussian", "--strength", "1"], "has nothing to train"),
        (["nopeek", "--strength", "1", "--plan", "no"], "no"),
        (["nopeek", "--preset", "quick"], "leave DEFENCE"),
        (["--preset", "quick"], "has no defence to train"),
        (["--preset", "no"], "no"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(flags, said, capsys):
    assert main(["defend", *flags]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_a_run_says_before_it_starts_what_is_not_trained(preset, tmp_path, capsys):
    assert main(["run", "--preset", preset, "--limit", "1", "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert "4 defences are not trained for 'toy', the first 'learned_noise' at 0.1" in error
    assert "run pedbench defend --preset mine.yaml --checkpoint random" in error
    assert not (tmp_path / "run/records.jsonl").exists()
