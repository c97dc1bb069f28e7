"""`pedbench explore` opens the report of a run."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from bench.cli import main


def test_the_report_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.html").write_text("<p>")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    assert main(["explore", str(tmp_path)]) == 0
    assert opened == [(tmp_path / "report.html").as_uri()]


def test_a_folder_without_a_report_says_how_to_write_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", str(tmp_path)]) == 2
    assert f"pedbench report {tmp_path}" in capsys.readouterr().err
