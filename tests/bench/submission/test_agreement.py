"""The comparison of two runs, record by record."""

from __future__ import annotations

import pandas as pd

from bench.runner.folder.records import COLUMNS
from bench.submission.agreement import differences, summary


def run(*records: dict) -> pd.DataFrame:
    table = pd.DataFrame([{"metric": "psnr", "attack": "telea"} | r for r in records])
    return table.reindex(columns=list(COLUMNS))


def far(before: pd.DataFrame, after: pd.DataFrame) -> int:
    table = differences(before, after)
    return int((table["difference"] > table["allowed"]).sum())


def test_equal_runs_are_the_same_whatever_their_order():
    a, b = {"image_id": "a", "value": 20.0}, {"image_id": "b", "value": None}
    assert far(run(a, b), run(b, a)) == 0


def test_another_value_a_missing_record_and_a_lost_value_are_seen():
    a, b = {"image_id": "a", "value": 20.0}, {"image_id": "b", "value": 21.0}
    assert far(run(a, b), run(a, b | {"value": 21.01})) == 1
    assert far(run(a, b), run(a)) == far(run(a), run(a, b)) == 1
    assert far(run(a, b), run(a, b | {"value": None})) == 1
    assert far(run(a, a), run(a)) == 1


def test_another_processor_may_round_a_few_pixels_otherwise():
    a = {"image_id": "a", "metric": "lpips", "value": 0.761136}
    assert far(run(a), run(a | {"value": 0.761167})) == 0
    assert far(run(a), run(a | {"value": 0.763})) == 1


def test_trained_attackers_may_differ_a_little():
    a = {"image_id": "a", "attack": "conv_decoder", "value": 20.0}
    assert far(run(a), run(a | {"value": 20.04})) == 0
    assert far(run(a), run(a | {"value": 20.06})) == 1
    assert far(run(a | {"attack": "telea"}), run(a | {"attack": "telea", "value": 20.04})) == 1


def test_scores_from_0_to_1_of_trained_attackers_may_differ_less():
    a = {"image_id": "a", "attack": "conv_decoder", "metric": "lpips", "value": 0.5}
    assert far(run(a), run(a | {"value": 0.504})) == 0
    assert far(run(a), run(a | {"value": 0.506})) == 1


def test_the_summary_says_what_is_allowed():
    telea, trained = {"image_id": "a", "value": 20.0}, {"image_id": "a", "attack": "conv_decoder"}
    runs = run(telea, trained | {"value": 20.0}), run(telea, trained | {"value": 20.04})
    [_, line] = summary(differences(*runs))
    assert "0.04 (allowed: 0.001, 0.05 after training)" in line
