"""Leakage at equal utility, hypervolume and the correction for many comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.report.aggregate.curves import CURVE, comparable
from bench.report.aggregate.equal_utility import (
    LOSSES,
    Ladder,
    _beaten,
    _rows,
    hypervolume,
    least_leakage,
)
from bench.report.data import PIPELINE
from bench.report.statistics import cluster_draws, holm
from bench.report.topics.utility.equal_utility import _wide


def column(*values: float) -> np.ndarray:
    return np.array(values, float)[:, None]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [(0.0, 30.0), (0.01, 27.5), (0.02, 25.0), (0.05, 20.0), (0.1, 20.0), (0.5, 12.0)],
)
def test_leakage_is_read_off_the_line_where_that_much_is_lost(loss, expected):
    """Undefended 1.00 / 30 dB; 0.98 / 25; 0.96 / 20; 0.90 / 22; 0.50 / 12."""
    utility, leakage = column(1, 0.98, 0.96, 0.9, 0.5), column(30, 25, 20, 22, 12)
    found = least_leakage(utility, leakage, (1 - loss) * utility[0])
    assert found[0] == pytest.approx(expected)


def test_a_defence_that_overshoots_is_interpolated():
    found = least_leakage(column(1, 0.8), column(30, 10), np.array([0.95]))
    assert found[0] == pytest.approx(25)


def test_a_useless_defence_has_no_hypervolume_and_a_perfect_one_all():
    floor = np.array([10.0])
    assert hypervolume(column(1, 0.5), column(30, 30), floor)[0] == 0
    assert hypervolume(column(1, 1), column(30, 10), floor)[0] == pytest.approx(1)


def test_hypervolume_counts_the_square_below_each_setting_once():
    """Privacy 0.5 at utility 0.8, and 1 at 0.4: 0.4 · 1 + 0.4 · 0.5."""
    found = hypervolume(column(1, 0.8, 0.4), column(30, 20, 10), np.array([10.0]))
    assert found[0] == pytest.approx(0.6)


def test_hypervolume_is_unknown_without_a_floor():
    assert np.isnan(hypervolume(column(1, 0.5), column(30, 20), np.array([np.nan])))[0]


def test_holm_rejects_step_by_step():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a"}
    assert holm({"a": 0.01, "b": 0.02, "c": 0.03}) == {"a", "b", "c"}
    assert holm({"a": 0.02, "b": 0.5, "c": 0.9}) == set()


def ladder(knob: str, leakage: float, sign: int = 1, seed: int = 0) -> Ladder:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 0.2, 40)
    return Ladder(
        keys={"region": "hidden", "metric": "psnr"},
        knob=knob,
        images=[f"{i}" for i in range(40)],
        utility=np.stack([np.full(40, 0.8), np.full(40, 0.8 * 0.98)]),
        leakage=np.stack([20 + 10 * sign + noise, leakage + noise]) * sign,
        floor=np.full(40, 20.0 - 10 * sign) * sign,
        masks=np.ones(40),
        sign=sign,
    )


def test_only_clear_differences_count_as_beaten():
    ladders = [ladder("strong", 20), ladder("twin", 20.001, seed=1), ladder("weak", 25, seed=2)]
    beaten = _beaten(ladders, cluster_draws(40))
    assert beaten == {"strong": ["weak"], "twin": ["weak"], "weak": []}


def test_the_table_ranks_by_leakage_at_equal_utility():
    rows = [
        dict.fromkeys(CURVE, "same")
        | {"region": "visible", "metric": metric, "knob": knob, "loss": loss, "beats": ""}
        | {"leakage": leakage, "leakage_low": leakage, "leakage_high": leakage}
        | {"hypervolume": volume, "hypervolume_low": volume, "hypervolume_high": volume}
        | {"settings": 1, "images": 1}
        for metric, knob, leakage, volume in [
            ("psnr", "gaussian", 30, 0.9),
            ("psnr", "blur", 20, 0.1),
            ("lpips", "gaussian", 0.3, 0.1),
            ("lpips", "blur", 0.1, 0.9),
        ]
        for loss in LOSSES
    ]
    found = _wide(pd.DataFrame(rows))
    ranked = found.groupby("metric")["knob"].apply(list)
    assert ranked["psnr"] == ["blur", "gaussian"]
    assert ranked["lpips"] == ["gaussian", "blur"]


def test_scores_where_lower_is_worse_come_back_as_they_were():
    row = list(_rows(ladder("noise", 20, sign=-1), cluster_draws(40)))[1]
    assert row["loss"] == 0.02
    assert row["leakage"] == pytest.approx(20, abs=0.2)
    assert row["leakage_low"] < row["leakage"] < row["leakage_high"]


def test_utility_is_weighed_by_masks():
    one = ladder("noise", 20)
    masks = np.zeros(40)
    masks[3] = 5
    weighed = Ladder(**{**one.__dict__, "masks": masks, "utility": np.arange(80.0).reshape(2, 40)})
    utility, _, _ = weighed.means()
    assert utility[:, 0].tolist() == [3, 43]


def test_where_nothing_leaks_beyond_the_floor_there_is_no_hypervolume():
    loud = ladder("noise", 20)
    floor = loud.leakage[0] + np.tile([1.0, -1.0], 20)
    quiet = Ladder(**{**loud.__dict__, "floor": floor})
    rows = list(_rows(quiet, cluster_draws(40)))
    assert np.isnan([row["hypervolume"] for row in rows]).all()
    assert not np.isnan([row["leakage"] for row in rows]).any()


def test_an_attack_made_against_a_defence_counts_there():
    """It need not be tried elsewhere; one tried in some settings only does not count."""
    tried = {"none": ["ridge"], "shuffle_tokens": ["ridge", "ridge_unshuffled", "kriging"]}
    rows = [
        dict.fromkeys(PIPELINE, "same")
        | {"defence": defence, "attack": attack, "attack_kind": "inversion"}
        for defence, attacks in tried.items()
        for attack in attacks
    ]
    kept = comparable(pd.DataFrame(rows))
    assert set(kept["attack"]) == {"ridge", "ridge_unshuffled"}
