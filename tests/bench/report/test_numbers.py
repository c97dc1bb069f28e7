"""Means, weights, gains and worst cases of a hand-made run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.report.aggregate.curves import curve_points
from bench.report.aggregate.leakage import adaptive, attack_summary, oracle_scores, oracle_summary
from bench.report.aggregate.segmentation import paired_cost, summarize
from bench.report.base import TABLES
from bench.report.data import RunData
from bench.report.topics.leakage.attacks import main_cell
from bench.report.topics.leakage.coalition import coalition_summary, formula, identity
from bench.report.topics.utility.privacy_utility import utility_frame
from tests.bench.output_support import exposure, leak, segmentation, write_run


def test_means_over_instances_weigh_images_by_their_masks(tmp_path: Path) -> None:
    records = segmentation("a", {"miou_box": 0.2, "miou_fill": 0.1, "instances": 1})
    records += segmentation("b", {"miou_box": 0.6, "miou_fill": 0.5, "instances": 3})
    central = {"plan": "centralized"}
    records += segmentation("a", {"miou_box": 0.5, "miou_fill": 0.1, "instances": 1}, **central)
    records += segmentation("b", {"miou_box": 0.9, "miou_fill": 0.5, "instances": 3}, **central)
    run = write_run(tmp_path, records)
    rows = summarize(run).set_index("plan")
    assert rows.loc["interleaved", "miou_box"] == pytest.approx(0.5)
    assert rows.loc["interleaved", "instances"] == 4
    assert rows.loc["interleaved", "miou_box_low"] == pytest.approx(0.2)
    assert rows.loc["interleaved", "miou_box_high"] == pytest.approx(0.6)
    assert rows.loc["interleaved", "normalised_box"] == pytest.approx((0.5 - 0.4) / (0.8 - 0.4))
    assert rows.loc["centralized", "normalised_box"] == pytest.approx(1.0)
    assert pd.isna(rows.loc["interleaved", "miou_point"])
    assert run.instances == 4


def test_worst_case_is_taken_per_image_and_compared_with_floors_likewise(tmp_path: Path) -> None:
    psnr = {"telea": (12, 20), "ridge": (15, 16), "mean_colour": (11, 10), "dataset_mean": (9, 13)}
    records = []
    for attack, values in psnr.items():
        for image, value in zip("ab", values, strict=True):
            records += leak(image, attack, "psnr", value)
    records += leak("a", "centralized", "psnr", 60) + leak("b", "centralized", "psnr", 60)
    [row] = oracle_summary(write_run(tmp_path, records).leakage).to_dict("records")
    assert row["mean"] == pytest.approx((15 + 20) / 2)
    assert row["floor"] == pytest.approx((11 + 13) / 2)
    assert row["gain"] == pytest.approx(5.5)
    assert (row["gain_low"], row["gain_high"]) == pytest.approx((4, 7))
    assert (row["attacks"], row["floors"], row["ceiling"]) == (2, 2, 60)


def test_lower_lpips_is_more_leakage(tmp_path: Path) -> None:
    records = leak("a", "ridge", "lpips", 0.3) + leak("a", "telea", "lpips", 0.5)
    records += leak("a", "mean_colour", "lpips", 0.7) + leak("a", "dataset_mean", "lpips", 0.6)
    leakage = write_run(tmp_path, records).leakage
    [row] = oracle_summary(leakage).to_dict("records")
    assert (row["mean"], row["floor"]) == (0.3, 0.6)
    assert row["gain"] == pytest.approx(0.3)
    assert np.isnan(row["gain_low"])
    single = attack_summary(leakage).set_index("attack")
    assert single.loc["telea", "gain"] == pytest.approx(0.1)
    assert single.loc["mean_colour", "gain"] == pytest.approx(-0.1)
    assert single.loc["dataset_mean", "gain"] == 0


def test_attacker_seeds_are_averaged_before_the_worst_case(tmp_path: Path) -> None:
    records = leak("a", "ridge", "psnr", 10, seed=0) + leak("a", "ridge", "psnr", 20, seed=1)
    records += leak("a", "telea", "psnr", 16)
    [row] = oracle_summary(write_run(tmp_path, records).leakage).to_dict("records")
    assert row["mean"] == 16


def test_floors_and_attacks_without_scores_are_left_out(tmp_path: Path) -> None:
    records = leak("a", "ridge", "psnr", 10) + leak("b", "mean_colour", "psnr", 9)
    records += leak("a", "telea", "psnr", None)
    [row] = oracle_summary(write_run(tmp_path, records).leakage).to_dict("records")
    assert (row["mean"], row["images"], row["attacks"]) == (10, 1, 1)
    assert pd.isna(row["gain"])


def test_non_adaptive_view_keeps_attacks_that_need_no_training(tmp_path: Path) -> None:
    noisy = {"defence": "gaussian", "strength": 1.0}
    records = leak("a", "ridge", "psnr", 12, **noisy) + leak("a", "telea", "psnr", 11, **noisy)
    records += leak("a", "ridge", "psnr", 8, adaptive=False, **noisy)
    records += leak("a", "telea", "psnr", 30)
    leakage = write_run(tmp_path, records).leakage
    plain = adaptive(leakage, False)
    assert sorted(zip(plain["attack"], plain["value"], strict=True)) == [
        ("ridge", 8.0),
        ("telea", 11.0),
    ]
    assert sorted(adaptive(leakage)["value"]) == [11.0, 12.0, 30.0]


def test_full_psnr_is_explained_by_the_visible_share(tmp_path: Path) -> None:
    records = exposure("a", 0.75)
    for region, value in (("hidden", 20.0), ("visible", 60.0), ("full", 26.02)):
        records += leak("a", "telea", "psnr", value, region=region)
    [row] = coalition_summary(write_run(tmp_path, records)).to_dict("records")
    assert row["formula"] == pytest.approx(20 - 10 * np.log10(0.25))
    assert row["identity"] == pytest.approx(row["formula"])
    assert row["off"] == pytest.approx(0, abs=1e-2)


def test_identity_adds_errors_and_formula_needs_something_hidden() -> None:
    hidden, visible = pd.Series([20.0, np.nan]), pd.Series([30.0, 30.0])
    share = pd.Series([0.5, 1.0])
    expected = -10 * np.log10(0.5 * 1e-2 + 0.5 * 1e-3)
    assert identity(hidden, visible, share).tolist() == pytest.approx([expected, 30.0])
    assert formula(hidden, share).isna().tolist() == [False, True]


def test_points_of_a_curve_share_their_attacks(tmp_path: Path) -> None:
    scores = {"miou_box": 0.7, "miou_fill": 0.5, "instances": 1}
    records = segmentation("a", scores) + segmentation("a", scores, payload="int8")
    records += leak("a", "ridge", "psnr", 10) + leak("a", "telea", "psnr", 40)
    records += leak("a", "ridge", "psnr", 9, payload="int8")
    points = curve_points(write_run(tmp_path, records)).set_index("setting")
    assert points["mean"].to_dict() == {"float32": 10, "int8": 9}
    assert set(points["attack_names"]) == {"ridge"}
    assert points["knob"].to_dict() == {"float32": "", "int8": "precision"}


def test_paired_cost_of_noise(tmp_path: Path) -> None:
    noisy = {"defence": "gaussian", "strength": 1.0}
    records = []
    for image, before, after, count in (("a", 0.8, 0.6, 1), ("b", 0.5, 0.4, 3)):
        records += segmentation(image, {"miou_box": before, "instances": count})
        records += segmentation(image, {"miou_box": after, "instances": count}, **noisy)
    run = write_run(tmp_path, records)
    rows = summarize(run)
    cost = paired_cost(run, rows[rows["defence"] == "gaussian"].iloc[0])
    assert cost is not None
    assert cost.mean == pytest.approx(0.125)
    assert (cost.low, cost.high) == pytest.approx((0.1, 0.2))


def test_utility_table_shows_both_kinds_of_training(full: RunData) -> None:
    frame = utility_frame(full)
    noisy = frame[(frame["defence"] == "gaussian") & (frame["n_shards"] == 4)].iloc[0]
    assert noisy["hidden_psnr"] == pytest.approx(15.5)
    assert noisy["hidden_psnr_plain"] == pytest.approx(14.0 + 1.5)
    assert frame["setting"].tolist()[:3] == ["float32", "gaussian 0.5", "int8"]


def test_failures_are_counted_by_reason(tmp_path: Path) -> None:
    failed = {"status": "failed", "error": "a.png is truncated: replace it", "value": None}
    records = leak("a", "ridge", "psnr", 10)
    records += [{"image_id": name, "metric": "load", **failed} for name in ("b", "c")]
    table = TABLES.get("failures")().build(write_run(tmp_path, records))
    [row] = table.frame.to_dict("records")
    assert (row["records"], row["images"]) == (2, "b, c")
    assert "3 records" in table.note


def test_scores_are_computed_once_per_run(full: RunData) -> None:
    assert oracle_scores(full) is oracle_scores(full)


@pytest.mark.parametrize(
    ("pictured", "policy"), [([], "strided"), ([{"policy": "random"}], "random")]
)
def test_the_main_cell_is_the_pictured_one_or_of_the_commonest_policy(
    tmp_path: Path, pictured: list[dict[str, str]], policy: str
) -> None:
    rows = leak("a", "ridge", "psnr", 12.0)
    rows += leak("a", "ridge", "psnr", 12.0, policy="strided")
    rows += leak("a", "ridge", "psnr", 11.0, policy="strided", payload="int8")
    cell = main_cell(write_run(tmp_path, rows).leakage, {"pictures": pictured})
    assert cell is not None
    assert cell["policy"] == policy


def test_a_cell_that_failed_has_a_row_that_says_so(tmp_path: Path) -> None:
    broken = {"status": "failed", "error": "it broke", "value": None}
    records = leak("a", "ridge", "psnr", 10) + leak("b", "ridge", "psnr", 11)
    records += leak("a", "telea", "psnr", 12) + leak("b", "telea", "psnr", 12, **broken)
    records += leak("a", "biharmonic", "", 0, **broken) + leak("b", "biharmonic", "", 0, **broken)
    table = TABLES.get("attacks")().build(write_run(tmp_path, records))
    failed = table.frame.set_index("attack")["failed"].to_dict()
    assert failed == {"ridge": 0, "telea": 1, "biharmonic": 2}
    text = table.to_markdown()
    assert "Failed on, images" in text
    [line] = [line for line in text.splitlines() if "biharmonic" in line]
    assert line.count("–") >= 3
