"""`pedbench new` writes packages that can be installed and pass their own test at once."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from bench.cli import main
from bench.parts import REGISTRIES
from bench.skeletons.write import GROUPS, first_run
from bench.spec.config import load_preset


@pytest.fixture(autouse=True)
def no_part_stays(monkeypatch, tmp_path):
    """Parts that a test of a new package registers, and its modules, are forgotten again."""
    for word in GROUPS.values():
        REGISTRIES[word].names()
        monkeypatch.setattr(REGISTRIES[word], "_parts", dict(REGISTRIES[word]._parts))
        monkeypatch.setattr(REGISTRIES[word], "_sources", dict(REGISTRIES[word]._sources))
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in set(sys.modules) - before:
        if "mine" in name:
            del sys.modules[name]


@pytest.mark.parametrize("kind", GROUPS)
def test_a_new_package_passes_its_own_test(tmp_path, capsys, kind):
    assert main(["new", kind, "mine", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:4] == [
        str(tmp_path / file)
        for file in ("pyproject.toml", "README.md", "pedbench_mine.py", "test_pedbench_mine.py")
    ]
    test = importlib.import_module("test_pedbench_mine")
    checks = [value for name, value in vars(test).items() if name.startswith("test_")]
    assert len(checks) >= 2
    for check in checks:
        check()


def test_how_to_run_an_attack_is_told(tmp_path, capsys):
    assert main(["new", "attack", "mine", "--out", str(tmp_path / "a")]) == 0
    command = "pedbench run --preset attacks --attacks mine,telea --data embedded --limit 1"
    assert capsys.readouterr().out.splitlines()[-1] == f"then run it with '{command}'"


@pytest.mark.parametrize(
    "kind", ["defence", "policy", "detector", "recogniser", "threat", "encoder"]
)
def test_what_a_preset_names_comes_with_one_that_runs_it(tmp_path, capsys, kind):
    assert main(["new", kind, "mine", "--out", str(tmp_path)]) == 0
    preset = tmp_path / "try.yaml"
    assert f"'pedbench run --preset {preset} --limit 1'" in capsys.readouterr().out
    part = importlib.import_module("pedbench_mine")
    title = "MINE" if kind == "threat" else f"Mine{kind.capitalize()}"
    REGISTRIES[GROUPS[kind]].register("mine")(vars(part)[title])
    config = load_preset(str(preset))
    config.check()
    pictured = any(config.pictured(cell) for cell in config.cells())
    assert pictured == (kind in ("defence", "policy", "detector"))
    assert "mine" in preset.read_text()


@pytest.mark.parametrize("kind", GROUPS)
def test_each_kind_tells_how_to_run_it(kind, tmp_path):
    assert first_run(kind, "mine", tmp_path).startswith("pedbench ")


@pytest.mark.slow
def test_the_package_can_be_installed_and_names_its_part(tmp_path):
    main(["new", "attack", "mine", "--out", str(tmp_path / "source")])
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", tmp_path, tmp_path / "source"]
    subprocess.run(command, check=True, timeout=120)
    (point,) = entry_points(group="pedbench.attacks", name="mine")
    assert point.dist.name == "pedbench-mine"
    REGISTRIES["attacks"].check(point.load())


def test_every_kind_but_side_channels_can_be_begun():
    assert set(GROUPS.values()) == set(REGISTRIES) - {"side_channels"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["attack", "Mine"], "'Mine': give small letters"),
        (["attack", "ridge"], "the attack 'ridge' exists: give another name"),
        (["attck", "mine"], "invalid choice: 'attck'"),
    ],
)
def test_a_name_that_cannot_be_is_one_line(tmp_path, capsys, arguments, words):
    assert main(["new", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["new", "attack", "mine", "--out", str(tmp_path)]) == 2
    assert "exists and is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
