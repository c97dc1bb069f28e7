"""Tables and figures of the attack suite, from hand-made records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attacks.controls.matching import prior_of
from bench.report.aggregate.families import (
    CLASSIC_INPAINTING,
    LEARNED_INPAINTING,
    WHOLE,
    WINDOWS,
    family,
)
from bench.report.aggregate.matched_worst import EVERY, PAIRED, expected_worst
from bench.report.base import TABLES
from bench.report.data import RunData
from bench.report.interactive.commands import Commands
from bench.report.render.drawing import Drawing
from bench.report.render.html_table import html_table
from bench.report.summary.headline import headline
from bench.report.topics.exposure import exposure_scores
from bench.report.topics.leakage.control import control_summary
from bench.report.topics.leakage.inpainting import inpainting_gains
from bench.report.topics.leakage.mixed_tokens import mixed_scores, strongest_of
from bench.report.topics.leakage.suite import WORST, suite_summary
from bench.runner.folder.records import Record
from tests.bench.output_support import write_run
from tests.bench.suite_support import score

pytestmark = pytest.mark.slow


def test_each_learned_attack_has_its_own_prior() -> None:
    assert prior_of("ridge") == "ridge_prior"
    assert prior_of("whole_image_decoder_round1") == "whole_image_prior"
    assert prior_of("ridge_prior") is None
    assert prior_of("of another package") is None


def test_families() -> None:
    assert family("telea", "inpainting") == CLASSIC_INPAINTING
    assert family("gated_inpainting", "inpainting") == LEARNED_INPAINTING
    assert family("whole_image_decoder", "inversion") == WHOLE
    assert family("ridge", "inversion") == WINDOWS


def test_every_figure_of_the_suite_is_drawn_in_both_themes(
    suite_drawings: dict[str, Drawing],
) -> None:
    for name in ("collusion", "stages", "mixed_tokens", "inpainting"):
        light, dark = suite_drawings[name].light, suite_drawings[name].dark
        assert light is not None
        assert dark is not None
        assert light != dark


def test_suite_compares_learned_attacks_with_their_prior_and_others_with_the_best_floor(
    suite: RunData,
) -> None:
    table = suite_summary(suite)
    rows = table[(table["n_shards"] == 4) & (table["coalition"] == 1)]
    hidden = rows[rows["region"] == "hidden"].set_index("attack")
    assert hidden.loc["ridge", "against"] == "ridge_prior"
    gain = hidden.loc["ridge", "psnr_mean"] - hidden.loc["ridge_prior", "psnr_mean"]
    assert hidden.loc["ridge", "psnr_gain"] == pytest.approx(gain)
    assert hidden.loc["telea", "against"] == "best floor"
    assert hidden.loc["telea", "seeds"] == 1
    assert hidden.loc["conv_decoder", "seeds"] == 2
    assert table["attack"].iloc[0] == WORST


def test_what_has_fewer_seeds_than_the_run_is_named(tmp_path: Path) -> None:
    counts = {"conv_decoder": 3, "stacked_decoder": 1, "telea": 1}
    records = [
        score("photo0", attack, "psnr", "hidden", 12.0, seed=seed)
        for attack, seeds in counts.items()
        for seed in range(seeds)
    ]
    [caveat] = [c for c in write_run(tmp_path, records).caveats if "seeds" in c]
    assert caveat == "Not all of these seeds in every setting have stacked_decoder."


def test_report_folds_the_full_table_below_its_worst_cases(suite: RunData) -> None:
    table = TABLES.get("suite")().build(suite)
    html = html_table(table, False, Commands(suite))
    folds = html.count('<details class="fold">')
    assert folds == table.frame["fold"].nunique() == 6
    assert html.index("<summary>1 of 4 shards</") < html.index("<summary>13 of 25 shards</")


def test_expected_worst_is_the_mean_over_all_choices() -> None:
    scores = np.array([[1.0, 5.0], [2.0, np.nan], [4.0, 7.0]])
    assert expected_worst(scores, 2, True) == pytest.approx([(2 + 4 + 4) / 3, 7])
    assert expected_worst(scores, 2, False) == pytest.approx([(1 + 1 + 2) / 3, 5])
    assert expected_worst(scores, 3, True) == pytest.approx([4, 7])


def _noise(attack: str, values: tuple[float, ...], seed: int = 0, **more: object) -> list[Record]:
    noisy = {"defence": "noise_only", "strength": 1.0, "seed": seed, **more}
    return [
        score(f"photo{number}", attack, "psnr", "visible", value, **noisy)
        for number, value in enumerate(values)
    ]


def test_control_compares_seed_by_seed_with_retrained_priors(tmp_path: Path) -> None:
    records = _noise("ridge", (11.0, 12.0)) + _noise("ridge", (11.4, 11.6), seed=1)
    records += _noise("ridge_prior", (11.0, 12.0)) + _noise("ridge_prior", (11.4, 11.6), seed=1)
    records += _noise("mean_colour", (10.9, 11.5))
    control = control_summary(write_run(tmp_path, records)).set_index("attack")
    assert control.loc[PAIRED, "gain"] == 0
    assert control.loc[PAIRED, ["attacks", "floors", "compared"]].tolist() == [2, 2, 2]
    assert control.loc["ridge", "against"] == "ridge_prior"
    assert set(control["quiet"]) == {"yes"}
    assert control.loc[EVERY, "floors"] == 2


def test_control_notices_an_attack_that_gains(tmp_path: Path) -> None:
    records = _noise("ridge", (11.5, 12.5, 13.5)) + _noise("ridge_prior", (11.0, 12.0, 13.1))
    control = control_summary(write_run(tmp_path, records))
    assert set(control["quiet"]) == {"NO"}
    assert len(control) == 3


def test_control_gains_nothing_by_having_more_attacks_than_floors(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(11, 1, (12, 40))
    names = ("telea", "push_pull", "biharmonic", "navier_stokes", "pseudo_inverse")
    records = [r for name, row in zip(names, values, strict=False) for r in _noise(name, row)]
    for name, row in zip(("mean_colour", "dataset_mean"), values[10:], strict=True):
        records += _noise(name, row)
    control = control_summary(write_run(tmp_path, records)).set_index("attack")
    assert control.loc[EVERY, "compared"] == 2
    assert control.loc[EVERY, "quiet"] == "yes"


def test_gains_of_mixed_tokens_are_over_round_1_of_the_same_photo(suite: RunData) -> None:
    scores = mixed_scores(suite)
    rows = scores[(scores["coalition_choice"] == "padding") & (scores["metric"] == "psnr")]
    rows = rows.set_index("seen")
    assert list(rows.index[:3]) == ["dataset mean", "prior", "round 1"]
    assert rows.loc["all rounds", "over_round1"] == pytest.approx(2.2)
    assert rows.loc["stage 6", "over_round1"] == pytest.approx(2.8)
    assert rows.loc["round 1", "over_prior"] == pytest.approx(0.5)


def test_mixed_tokens_are_judged_by_the_strongest_attack_on_either_side(tmp_path: Path) -> None:
    hidden = {
        "whole_image_decoder": (14.0, 13.0),
        "whole_image_decoder_round1": (12.0, 12.0),
        "joint_decoder": (13.5, 14.0),
        "joint_decoder_round1": (13.4, 13.6),
    }
    records = [
        score(f"photo{number}", attack, "psnr", "hidden", value)
        for attack, values in hidden.items()
        for number, value in enumerate(values)
    ]
    run = write_run(tmp_path, records)
    scores = mixed_scores(run)
    every = scores[scores["seen"] == "all rounds"].set_index("attack")["over_round1"]
    assert every["whole_image_decoder"] == pytest.approx(1.5)
    assert every["joint_decoder"] == pytest.approx(0.25)
    assert every["strongest"] == pytest.approx((14.0 - 13.4 + 14.0 - 13.6) / 2)
    assert set(strongest_of(scores)["attack"]) == {"strongest"}
    [sentence] = [text for text in headline(run) if "mixed" in text]
    assert "+0.5 dB" in sentence


def test_the_headline_tells_what_a_shard_of_padding_gets(suite: RunData) -> None:
    [sentence] = [text for text in headline(suite) if "mixed" in text]
    assert sentence.startswith("Tokens that global attention has mixed tell of windows")
    assert "holds padding, and no pixel of the photo, gets +2.2 dB [" in sentence


def test_stages_stand_beside_ridge_with_their_cost(suite: RunData) -> None:
    frame = TABLES.get("stages")().build(suite).frame
    row = frame[(frame["attack"] == "optimise") & (frame["block"] == 4)].iloc[0]
    assert row["over_ridge"] == pytest.approx(6)
    assert row["seconds"] == pytest.approx(0.01 * 10**2.5 * 5)
    assert pd.isna(frame.loc[frame["attack"] == "ridge", "over_ridge"]).all()


def test_inpainters_are_compared_with_the_best_classic_method(suite: RunData) -> None:
    gains = inpainting_gains(suite)
    row = gains[(gains["attack"] == "gated_inpainting") & (gains["metric"] == "psnr")].iloc[0]
    assert row["best_classic"] == "navier_stokes"
    assert row["over_classic"] == pytest.approx(row["score"] - row["classic"])
    assert set(gains["verdict"]) == {"beats both"}


def test_exposure_of_objects_has_intervals(suite: RunData) -> None:
    scores = exposure_scores(suite)
    row = scores[(scores["share"] == "objects_seen_90") & (scores["coalition"] == 13)].iloc[0]
    assert (row["mean"], row["mean_low"], row["images"]) == pytest.approx((0.26, 0.26, 3))
