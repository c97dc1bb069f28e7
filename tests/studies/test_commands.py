"""Every study can be started."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import studies
from studies.command import exit_with

ROOT = Path(studies.__file__).parent
COMMANDS = [
    ".".join(("studies", *path.relative_to(ROOT).with_suffix("").parts))
    for path in sorted(ROOT.rglob("*.py"))
    if '\nif __name__ == "__main__":' in path.read_text()
]


@pytest.mark.parametrize("name", COMMANDS)
def test_it_tells_how_it_is_used(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(name).main()
    assert stopped.value.code == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_refusal_is_one_line(name):
    if name != "studies.performance.worker":  # a process of studies.performance alone starts it
        text = Path(importlib.import_module(name).__file__).read_text()
        assert f'exit_with(main, "{name.removesuffix(".__main__")}")' in text


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("studies.recognition.words_at_home", ["--model", "tiiny"], "tiiny"),
        ("studies.attacks.conditioning", ["--data", "coco:/none"], "/none"),
        ("studies.recognition.detectors", ["--persons", "coco:/none"], "/none"),
    ],
)
def test_a_wrong_name_is_one_line(name, arguments, words, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as stopped:
        exit_with(importlib.import_module(name).main, name)
    assert stopped.value.code == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith(f"{name}: ")
    assert words in told
