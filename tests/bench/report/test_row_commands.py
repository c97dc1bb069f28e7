"""The command of every row of a real run's report measures what the row shows."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from bench.report.base import TABLES
from bench.report.data import RunData
from bench.report.interactive.commands import Commands
from bench.spec.config import load_preset
from bench.spec.restriction import check_only, keeps, read_only

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).parents[3] / "results" / "reference"


@pytest.mark.parametrize("name", ["quick-embedded", "time-bsds500_val"])
def test_each_row_has_a_command_that_leaves_its_cells(name: str) -> None:
    run = RunData.read(REFERENCE / name)
    cells = list(load_preset(str(run.folder / "config.yaml")).cells())
    commands, given = Commands(run), set()
    for table in (TABLES.get(name)() for name in TABLES.names()):
        if table.applies(run):
            given |= {commands.only(row) for _, row in table.build(run).frame.iterrows()}
    assert len(given) > 20
    for text in given - {""}:
        only = read_only(shlex.split(text))
        check_only(only, cells)
        assert any(keeps(only, cell) for cell in cells), text
