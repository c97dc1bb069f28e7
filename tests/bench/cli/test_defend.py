"""`pedbench defend` trains what is named, or what a preset asks for and is missing."""

from __future__ import annotations

import pytest

from bench.cli import main
from bench.runner.folder.journal import JOURNAL
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
    assert "to train: 3 of 3" in capsys.readouterr().out
    kept = sorted(path.name for path in (tmp_path / "cache/defences").iterdir())
    assert [name.rsplit("-", 1)[0] for name in kept] == [
        "hide_layout-interleaved", "learned_noise-0.1", "learned_noise-1",
    ]  # fmt: skip
    assert main([*command[:-1], "coco:nowhere"]) == 0
    assert "to train: 0 of 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "name what is trained: DEFENCE"),
        (["nopeek"], "name what is trained: DEFENCE"),
        (["nopek"], "unknown defence 'nopek': did you mean 'nopeek'"),
        (["nopeek", "--strength", "1", "--plan", "local"], "sends no tokens to defend"),
        (["gaussian", "--strength", "1"], "has nothing to train"),
        (["nopeek", "--strength", "1", "--plan", "no"], "unknown plan 'no'"),
        (["nopeek", "--preset", "quick"], "leave DEFENCE"),
        (["--preset", "quick"], "has no defence to train"),
        (["--preset", "no"], "unknown preset 'no'"),
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
    assert "defences without weights: 3, the first 'learned_noise' at 0.1" in error
    assert "run pedbench defend learned_noise --strength 0.1 --plan interleaved" in error
    assert "--model toy --checkpoint random" in error
    assert not (tmp_path / "run" / JOURNAL).exists()


def test_a_run_of_lower_precision_is_told_that_defences_are_trained_for_float32(
    preset, tmp_path, capsys
):
    flags = ["--precision", "bfloat16", "--out", str(tmp_path / "run")]
    assert main(["run", "--preset", preset, *flags]) == 2
    assert "trained for float32: leave --precision bfloat16 out" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_knows_the_weights_it_was_made_with(preset, tmp_path, capsys):
    folder = tmp_path / "run"
    train = ["defend", "learned_noise", "--strength", "0.1", "--model", "toy", "--steps", "1"]
    train += ["--checkpoint", "random", "--data", "synthetic:2"]
    run = ["run", "--preset", preset, "--data", "synthetic:1", "--out", str(folder)]
    run += ["--only", "defence=learned_noise", "strength=0.1", "--workers", "1"]
    assert main(train) == main(run) == main(["verify", str(folder)]) == 0
    assert main([*train, "--seed", "1"]) == 0
    for command in (run, ["verify", str(folder)]):
        capsys.readouterr()
        assert main(command) == 2
        assert "another defences" in capsys.readouterr().err
    next((tmp_path / "cache/defences").iterdir()).unlink()
    assert main(["verify", str(folder)]) == 2
    assert "defences without weights: 1" in capsys.readouterr().err
