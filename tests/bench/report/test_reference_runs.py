"""Tables of today's report from the runs that the repository carries."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.report.contents import tables_of
from bench.report.data import RunData

RUNS = Path(__file__).parents[3] / "results" / "reference"
MOST_BYTES = 30e6


@pytest.fixture(scope="module", params=["standard-embedded", "segmentation-bsds500_val"])
def run(request):
    return RunData.read(RUNS / request.param)


def test_reference_runs_take_little_of_a_clone():
    size = sum(file.stat().st_size for file in RUNS.rglob("*") if file.is_file())
    assert size < MOST_BYTES


@pytest.mark.slow
def test_every_table_that_applies_is_built(run):
    tables = tables_of(run)
    assert {"segmentation", "traffic", "defence_cost"} <= {table.name for table in tables}
    assert not [table.problem for table in tables if table.problem]


def test_costs_tell_seconds_of_measured_defences_of_tiny_alone(run):
    costs = next(table for table in tables_of(run) if table.name == "defence_cost").frame
    taken = costs.set_index("defence")["milliseconds"]
    assert (taken.drop("none") > 0).all()
    assert taken[["none"]].isna().all()
