"""`leakage_aware` against other policies: paired differences, corrected for many comparisons."""

from __future__ import annotations

import numpy as np
import pytest

from bench.report.aggregate.leakage import ImageTable
from bench.report.aggregate.partitionings import _rows
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


def table(**scores: np.ndarray) -> ImageTable:
    images = [f"{i}" for i in range(10)]
    kinds = ["inpainting"] * len(scores)
    return ImageTable({"metric": "psnr"}, list(scores), kinds, np.stack([*scores.values()]), images)


def test_a_difference_is_taken_photo_by_photo():
    judged = np.arange(10.0)
    rows = list(
        _rows({}, {"leakage_aware": table(ridge=judged), "random": table(ridge=judged + 1)})
    )
    assert rows[0]["difference"] == rows[0]["difference_low"] == -1
    assert rows[0]["less"]
    assert rows[0]["p_value"] == 2 ** (1 - 10)


def test_two_policies_are_compared_by_the_attacks_that_both_were_put_to():
    judged = np.arange(10.0)
    tables = {
        "leakage_aware": table(push_pull=judged),
        "random": table(push_pull=judged, ridge=judged + 9),
        "strided": table(telea=judged),
    }
    [row] = _rows({}, tables)
    assert (row["policy"], row["difference"], row["p_value"]) == ("random", 0, 1)


def test_a_clear_difference_stays_clear_among_a_hundred():
    photos = [f"{i}" for i in range(12)]
    clear = resampled_gain(np.arange(1.0, 13.0), np.zeros(12), photos)
    p_values = {"clear": two_sided(clear, 12)} | {f"{i}": 1.0 for i in range(99)}
    assert holm(p_values) == {"clear"}


def test_no_difference_and_one_photo_have_a_p_value_of_one():
    assert two_sided(np.zeros(100), 20) == 1
    assert two_sided(resampled_gain([3.0], [1.0], ["a"]), 1) == 1


def test_few_photos_prove_no_more_than_their_signs():
    draws = resampled_gain([1.0, 2.0, 3.0], [0.0] * 3, ["a", "b", "c"])
    assert two_sided(draws, 3) == 0.25
