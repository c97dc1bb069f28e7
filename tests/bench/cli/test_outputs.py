"""What commands print of the files that they wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli.outputs import print_written, write
from tests.bench.output_support import leak, write_run


def test_many_files_of_a_folder_are_one_line_and_few_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables = [Path("run/tables", f"{name}.csv") for name in "abcd"]
    figures = [Path("run/figures", f"{name}.png") for name in "abc"]
    print_written([*tables, *figures, Path("run/report.html")])
    assert capsys.readouterr().out.splitlines() == [
        f"{Path('run/tables')}/: 4 files",
        *map(str, figures),
        str(Path("run/report.html")),
    ]


def test_nothing_written_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_written([])
    assert capsys.readouterr().out == ""


def test_what_is_being_written_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, leak("a", "ridge", "psnr", 10))
    write("plots", tmp_path)
    told = capsys.readouterr().err
    assert "writing figures" in told
    assert "writing figure 1 of " in told
