"""`pedbench explore` opens the report of a run."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path

import pytest

from bench.cli import explore, main


def test_the_report_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.html").write_text("<p>")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    assert main(["explore", str(tmp_path)]) == 0
    assert opened == [(tmp_path / "report.html").as_uri()]


@pytest.mark.parametrize(("place", "own"), [("results/mine", True), ("results/reference/x", False)])
def test_a_report_that_is_missing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, own: bool
) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True)
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    monkeypatch.setattr(explore, "page", lambda folder: "<p>new")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(["explore", str(folder)]) == 0
    [made] = tmp_path.rglob("report.html")
    assert made.read_text() == "<p>new"
    assert (made.parent == folder) == own
    assert opened == [made.as_uri()]


def test_the_reference_run_of_latency_has_a_page() -> None:
    page = explore.page(Path(__file__).parents[3] / "results" / "reference" / "latency-tiny")
    assert page.startswith("<!DOCTYPE html>")


def test_a_folder_without_a_run_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "/nope"]) == 2
    assert capsys.readouterr().err == (
        "pedbench: error: /nope is no folder: give the folder of a run\n"
    )
