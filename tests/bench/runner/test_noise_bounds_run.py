"""A run with noise records its bounds, and the report puts them beside the strongest attack."""

import dataclasses

import pytest

from bench.cache.store import Store
from bench.report.base import TABLES
from bench.report.data import RunData
from bench.runner.evaluation.noise_bounds import BITS, ERROR
from bench.runner.run import run
from bench.spec.config import RunConfig
from bench.spec.grid import Group

pytestmark = pytest.mark.slow

ATTACKED = {"coalitions": {2: [1]}, "attacks": ["mean_colour", "ridge"]}
CONFIG = RunConfig(
    "small",
    "toy",
    "synthetic:2",
    ("package_photos",),
    (0,),
    tuple(
        Group(
            {"plan": ["prefix"], "n_shards": [2], "policy": ["random"], **defence},
            segmentation=True,
            **ATTACKED,
        )
        for defence in ({}, {"defence": ["gaussian"], "strength": [0.2, 1.0]})
    ),
    checkpoint="random",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bounds")
    run(CONFIG, folder, workers=1)
    return RunData.read(folder)


def test_only_pipelines_with_noise_have_bounds(finished):
    bounded = finished.segmentation.dropna(subset=[BITS, ERROR])
    assert set(bounded["strength"]) == {0.2, 1.0}
    assert len(bounded) == 4


def test_the_table_has_both_sides(finished):
    table = TABLES.get("noise_bounds")()
    assert table.applies(finished)
    frame = table.build(finished).frame.sort_values("strength")
    assert frame[BITS].is_monotonic_decreasing
    assert frame[ERROR].is_monotonic_decreasing
    assert frame["mean"].notna().all()


def test_the_cost_of_noise_is_that_of_the_plan(finished):
    frame = TABLES.get("defence_cost")().build(finished).frame.set_index("defence")
    assert set(frame.index) == {"none", "gaussian"}
    assert frame.loc["gaussian", "strength"] == 1.0
    columns = ["rounds", "megabytes_up", "megabytes_down", "edge_gflop"]
    assert (frame.loc["gaussian", columns] == frame.loc["none", columns]).all()
    assert (frame["edge_gflop"] > 0).all()


def test_a_run_without_public_photos_has_no_bits(finished):
    records = finished.records[finished.records["metric"] != BITS]
    table = TABLES.get("noise_bounds")().build(dataclasses.replace(finished, records=records))
    assert BITS not in table.frame
    assert table.frame[ERROR].notna().all()
    assert "Bits" not in table.to_markdown()


def test_other_public_photos_are_other_bounds(finished, tmp_path):
    """Journal and store know what the bounds rest on."""
    store = Store(tmp_path / "store", 10**9)
    bounds = [
        RunData.read(run(config, tmp_path / str(i), workers=1, store=store).folder)
        .segmentation[BITS]
        .dropna()
        .tolist()
        for i, config in enumerate((CONFIG, dataclasses.replace(CONFIG, public=("synthetic:3@7",))))
    ]
    assert bounds[0] == pytest.approx(finished.segmentation[BITS].dropna().tolist())
    assert bounds[0] != pytest.approx(bounds[1])
