"""Best, mean and worst of the draws of one attack."""

import pytest

from bench.report.topics.leakage.draws import DrawsTable, draw_scores
from tests.bench.output_support import write_run
from tests.bench.suite_support import score

DRAWN = {"photo0": (10.0, 12.0, 17.0), "photo1": (20.0, 21.0, 25.0)}


def records(attack="flow_inpainting", drawn=DRAWN):
    facts = {"attack_kind": "inpainting"}
    return [
        score(image, attack, metric, "hidden", value / scale, seed=seed, **facts)
        for image, values in drawn.items()
        for seed, value in enumerate(values)
        for metric, scale in (("psnr", 1.0), ("lpips", 100.0))
    ]


def test_the_best_draw_of_each_photo_is_taken_and_then_the_mean(tmp_path):
    table = draw_scores(write_run(tmp_path, records())).set_index("metric")
    assert table.loc["psnr", ["best", "mean", "worst"]].tolist() == pytest.approx([21, 17.5, 15])
    assert table.loc["lpips", ["best", "mean", "worst"]].tolist() == pytest.approx(
        [0.15, 0.175, 0.21]
    )
    assert set(table["draws"]) == {3}
    assert set(table["images"]) == {2}


def test_seeds_of_training_are_no_draws(tmp_path):
    run = write_run(tmp_path, records("conv_decoder"))
    assert draw_scores(run).empty
    assert DrawsTable().build(run).frame.empty


def test_a_single_draw_has_neither_best_nor_worst(tmp_path):
    single = {image: values[:1] for image, values in DRAWN.items()}
    assert draw_scores(write_run(tmp_path, records(drawn=single))).empty


def test_the_table_says_that_the_best_is_an_oracle(tmp_path):
    table = DrawsTable().build(write_run(tmp_path, records()))
    assert len(table.frame) == 2
    assert "oracle" in table.note
