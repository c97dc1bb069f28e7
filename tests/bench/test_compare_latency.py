"""`pedbench compare` of two latency runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from bench.cli import main
from tests.bench.output_support import leak, write_run

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
BEFORE = REFERENCE / "latency-tiny"


@pytest.fixture
def after(tmp_path):
    """The same run, but one plan over one link took a second longer and sent a byte more."""
    folder = tmp_path / "after"
    folder.mkdir()
    for name in ("config.yaml", "environment.json"):
        shutil.copy(BEFORE / name, folder)
    rows = pd.read_csv(BEFORE / "latency.csv")
    slow = (rows["link"] == "none") & (rows["plan"] == "prefix")
    rows.loc[slow, "seconds"] += 1.0
    rows.loc[slow, "bytes_up"] += 1
    rows.to_csv(folder / "latency.csv", index=False)
    return folder


def compared(capsys, *arguments):
    code = main(["compare", *map(str, arguments)])
    return code, capsys.readouterr()


def test_what_changed_is_shown_with_its_interval_and_the_rest_counted(after, capsys):
    code, told = compared(capsys, BEFORE, after)
    header, seconds, sent, rest = told.out.splitlines()
    assert code == 0
    assert header.split()[-3:] == ["difference", "difference_low", "difference_high"]
    assert seconds.split()[:3] == ["none", "prefix", "seconds"]
    low, high = map(float, seconds.split()[-2:])
    assert 0 < low <= 1 <= high < 2
    assert sent.split()[:3] == ["none", "prefix", "bytes_up"]
    assert sent.split()[-3:] == ["1", "1", "1"]
    assert "more medians differ by no more than repeats do" in rest


def test_one_repeat_tells_of_no_change(after, tmp_path, capsys):
    once = tmp_path / "once"
    shutil.copytree(after, once)
    rows = pd.read_csv(once / "latency.csv")
    rows[rows["repeat"] == 0].to_csv(once / "latency.csv", index=False)
    code, told = compared(capsys, BEFORE, once)
    assert code == 0
    assert "nan" not in told.out.lower()


def test_a_run_differs_from_itself_in_nothing(capsys):
    code, told = compared(capsys, BEFORE, BEFORE)
    assert code == 0
    assert told.out.startswith("no difference: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((BEFORE, BEFORE, "--metric", "second"), "did you mean 'seconds'"),
        ((BEFORE, REFERENCE / "latency-vit_b"), "compare runs of one model"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, words, capsys):
    code, told = compared(capsys, *arguments)
    assert code == 2
    assert words in told.err


def test_a_latency_run_and_a_run_of_scores_are_refused(tmp_path, capsys):
    write_run(tmp_path / "scores", leak("a", "ridge", "psnr", 10))
    code, told = compared(capsys, BEFORE, tmp_path / "scores")
    assert code == 2
    assert "compare runs of one kind" in told.err
