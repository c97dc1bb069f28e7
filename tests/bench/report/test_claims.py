"""Figures of the README, docs/claims.md and docs/choosing.md are those of committed tables."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from framework.split.defences.noise.clip_noise import ClipNoise

ROOT = Path(__file__).parents[3]
CLAIMS, RECORDS, ADVICE, OF_ADVICE = (
    part
    for page in ("claims.md", "choosing.md")
    for part in (ROOT / "docs" / page).read_text(encoding="utf-8").split("## The records")
)
NUMBER = r"(?<![\w.])\d+\.\d+(?![\w.:])"
FINDINGS, OF_TINY = (
    (ROOT / "README.md")
    .read_text(encoding="utf-8")
    .split("## What it finds so far")[1]
    .split("## Two commands")[0]
    .split("\n`tiny` is small")
)
MEASURE = rf"{NUMBER}|(?<![\w.])\d+(?=\s(?:dB|%))"


def table_rows(text: str) -> list[list[str]]:
    """Cells of a pipe table, heading and rule left out."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def path_of(run: str, table: str) -> Path:
    """The committed table of a run, or of a study."""
    results = ROOT / "results"
    folder = results / run if run == "studies" else results / "reference" / run / "tables"
    return folder / f"{table}.csv"


@pytest.mark.parametrize(
    "cells", [*table_rows(RECORDS), *table_rows(OF_ADVICE)], ids=lambda cells: " ".join(cells)
)
def test_a_figure_is_that_of_its_record(cells: list[str]) -> None:
    figure, run, table, row, column = cells
    wanted = dict(part.split("=") for part in row.split())
    with path_of(run, table).open() as file:
        found = [
            line
            for line in csv.DictReader(file)
            if all(line[key].replace(" ", "_") == value for key, value in wanted.items())
        ]
    assert len(found) >= 1
    number, percent, _ = figure.partition(" %")
    decimals, scale = len(number.partition(".")[2]), 100 if percent else 1
    assert {f"{scale * float(line[column]):.{decimals}f}" for line in found} == {number}


def test_every_figure_of_the_readme_has_a_record() -> None:
    figures = {cells[0].removesuffix(" %") for cells in table_rows(RECORDS)}
    measured = set(re.findall(MEASURE, FINDINGS)) - {"95"}  # the level of the intervals
    assert len(measured) > 20
    assert measured <= figures


def test_the_readme_says_of_tiny_what_its_card_says() -> None:
    card = (ROOT / "framework/weights/README.md").read_text(encoding="utf-8")
    figures = set(re.findall(NUMBER, OF_TINY))
    assert len(figures) > 5
    assert figures <= set(re.findall(NUMBER, card))


def test_every_figure_of_a_claim_has_a_record() -> None:
    measured = " ".join(cells[1] + cells[2] for cells in table_rows(CLAIMS))
    assert set(re.findall(NUMBER, measured)) <= {cells[0] for cells in table_rows(RECORDS)}


def test_every_figure_of_advice_has_a_record() -> None:
    plain = re.sub(r"`[^`]*`", "", ADVICE).replace("−", "-")
    figures = set(re.findall(rf"-?{NUMBER}", plain))
    assert len(figures) > 20
    assert figures <= {cells[0] for cells in table_rows(OF_ADVICE)}


def test_the_epsilon_of_clipped_noise_is_that_of_the_advice() -> None:
    assert f"{ClipNoise(0.5).epsilon(192):,.0f}" in ADVICE
