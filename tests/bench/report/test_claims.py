"""Figures of docs/claims.md are those of the reference runs."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CLAIMS, RECORDS = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8").split("## The records")
NUMBER = r"(?<![\w.])\d+\.\d+(?![\w.:])"


def table_rows(text: str) -> list[list[str]]:
    """Cells of a pipe table, heading and rule left out."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("cells", table_rows(RECORDS), ids=lambda cells: " ".join(cells))
def test_a_figure_is_that_of_its_record(cells: list[str]) -> None:
    figure, run, table, row, column = cells
    wanted = dict(part.split("=") for part in row.split())
    with (ROOT / "results" / "reference" / run / "tables" / f"{table}.csv").open() as file:
        found = [
            line
            for line in csv.DictReader(file)
            if all(line[key].replace(" ", "_") == value for key, value in wanted.items())
        ]
    assert len(found) >= 1
    decimals = len(figure.partition(".")[2])
    assert {f"{float(line[column]):.{decimals}f}" for line in found} == {figure}


def test_every_figure_of_a_claim_has_a_record() -> None:
    measured = " ".join(cells[1] + cells[2] for cells in table_rows(CLAIMS))
    assert set(re.findall(NUMBER, measured)) <= {cells[0] for cells in table_rows(RECORDS)}
