"""Figures of the README, claims.md and choosing.md are those of committed tables, in order."""

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
NUMBER = r"(?<![\w.])\d+\.\d+(?!\w|\.\d|:)"
OF_CLAIMS, OF_README = RECORDS.split("### Of the README")
FINDINGS, OF_TINY = (
    (ROOT / "README.md")
    .read_text(encoding="utf-8")
    .split("## What it finds so far")[1]
    .split("## Two commands")[0]
    .split("\n`tiny` is small")
)
MEASURE = rf"{NUMBER}|(?<![\w.])\d+(?= (?:dB|%|Mb/s))"


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
    "cells",
    [*table_rows(OF_CLAIMS), *table_rows(OF_README), *table_rows(OF_ADVICE)],
    ids=" ".join,
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


def check_order(text: str, records: str, measure: str) -> None:
    """Each figure of a text has the next row of its records, and each row its figure."""
    rest = " ".join(re.sub(r"`[^`]*`", "", text).replace("−", "-").split())
    for cells in table_rows(records):
        figure = cells[0].removesuffix(" %")
        found = re.search(rf"(?<![\w.]){re.escape(figure)}(?!\w|\.\d|:)", rest)
        assert found, f"{figure} of {cells[1:]} is not said after the figures of the rows before"
        assert not re.findall(measure, rest[: found.start()]), f"no record before {cells}"
        rest = rest[found.end() :]
    assert not re.findall(measure, rest)


def test_the_figures_of_the_readme_are_its_records_in_order() -> None:
    text = " ".join(FINDINGS.split()).replace("95 % intervals", "intervals")
    check_order(text, OF_README, MEASURE)


def test_the_readme_says_of_tiny_what_its_card_says() -> None:
    card = (ROOT / "framework/weights/README.md").read_text(encoding="utf-8")
    figures = set(re.findall(NUMBER, OF_TINY))
    assert len(figures) > 5
    assert figures <= set(re.findall(NUMBER, card))


def test_the_figures_of_the_claims_are_their_records_in_order() -> None:
    measured = " ".join(f"{cells[1]} {cells[2]}" for cells in table_rows(CLAIMS))
    check_order(measured, OF_CLAIMS, NUMBER)


def test_the_figures_of_advice_are_their_records_in_order() -> None:
    check_order(ADVICE, OF_ADVICE, NUMBER)


def test_two_figures_that_change_places_are_noticed() -> None:
    records = "| figure |\n| --- |\n| 1.5 | a |\n| 2.5 | b |\n"
    check_order("first 1.5, then 2.5.", records, NUMBER)
    for wrong in ("first 2.5, then 1.5", "first 1.5", "first 1.5, then 2.5, at last 3.5."):
        with pytest.raises(AssertionError):
            check_order(wrong, records, NUMBER)


def test_the_epsilon_of_clipped_noise_is_that_of_the_advice() -> None:
    assert f"{ClipNoise(0.5).epsilon(192):,.0f}" in ADVICE
