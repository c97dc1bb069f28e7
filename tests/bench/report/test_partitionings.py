"""`leakage_aware` against other policies: paired differences, corrected for many comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.report.aggregate.partitionings import FAMILY, PLACE, _comparable, _rows
from bench.report.base import TABLES
from bench.report.data import RunData
from bench.report.statistics import holm, resampled_gain, two_sided
from bench.runner.run import run
from bench.spec.config import RunConfig
from bench.spec.grid import Group


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    settings = {"policy": ["leakage_aware", "random", "strided"], "n_shards": [2]}
    group = Group(
        {"plan": ["prefix"], **settings},
        segmentation=False,
        coalitions={2: [1]},
        attacks=["mean_colour", "push_pull"],
    )
    config = RunConfig(
        "small", "toy", "synthetic:3", ("package_photos",), (0,), (group,), checkpoint="random"
    )
    run(config, folder, workers=1)
    return RunData.read(folder)


def test_every_other_policy_has_a_row(finished):
    table = TABLES.get("partitionings")()
    assert table.applies(finished)
    frame = table.build(finished).frame
    assert set(frame["policy"]) == {"random", "strided"}
    gap = frame["difference"] - (frame["judged"] - frame["other"])
    assert gap.abs().max() == pytest.approx(0, abs=1e-9)


def test_a_difference_is_taken_photo_by_photo():
    judged = pd.Series(np.arange(10.0), [f"{i}" for i in range(10)])
    rows = list(_rows({"worse": True}, {"leakage_aware": judged, "random": judged + 1}))
    assert rows[0]["difference"] == rows[0]["difference_low"] == -1
    assert rows[0]["less"]
    assert rows[0]["p_value"] < 0.002


def test_only_attacks_that_every_policy_of_a_place_was_put_to_are_compared():
    place = dict.fromkeys(PLACE, "same")
    tried = {"leakage_aware": ["push_pull"], "random": ["push_pull", "ridge"]}
    rows = [place | {"policy": p, "attack": a} for p, attacks in tried.items() for a in attacks]
    alone = {**place, "n_shards": 9, "policy": "random", "attack": "ridge"}
    kept = _comparable(pd.DataFrame([*rows, alone]))
    assert list(zip(kept["policy"], kept["attack"], strict=True)) == [
        ("leakage_aware", "push_pull"),
        ("random", "push_pull"),
        ("random", "ridge"),
    ]
    assert set(FAMILY) < set(PLACE)


def test_a_clear_difference_stays_clear_among_a_hundred():
    photos = [f"{i}" for i in range(12)]
    clear = resampled_gain(np.arange(1.0, 13.0), np.zeros(12), photos)
    p_values = {"clear": two_sided(clear)} | {f"{i}": 1.0 for i in range(99)}
    assert holm(p_values) == {"clear"}


def test_no_difference_has_a_p_value_of_one():
    assert two_sided(np.zeros(100)) == 1
