"""Threat models, time, recognition and the control, from a run to its tables."""

import pytest

from bench.report.aggregate.matched_worst import EVERY
from bench.report.base import FIGURES, TABLES
from bench.report.data import RunData
from bench.report.render.style import LIGHT, styled
from bench.report.topics.leakage.control import control_summary
from bench.runner.evaluation.evaluate import NO_PADDING
from bench.runner.run import run
from bench.spec.config import load_preset
from tests.bench.recognition_support import Brightness, Gone, registered

pytestmark = pytest.mark.slow

PRESET = """
model: toy
checkpoint: random
data: synthetic:2
public: ["synthetic:2@1"]
seeds: [0]
groups:
  - n_shards: 4
    policy: random
    coalitions: {4: [1]}
    attacks: [mean_colour, telea, ridge]
    threats: [standard, hidden_positions, hidden_weights, out_of_domain]
    recognise: [brightness, gone]
    recognise_on: [telea]
  - policy: [random, sticky]
    coalitions: {4: [1]}
    choices: [seeded]
    attacks: [mean_colour, telea]
    threats: [patient]
    frames: [1, 2]
    motions: [static, pan]
  - defence: gaussian
    strength: 2.0
    coalitions: {4: [1]}
    attacks: [ridge]
    threats: [patient, averaging]
    frames: [1, 4]
  - coalitions: {4: [1]}
    choices: [padding]
    attacks: [mean_colour, ridge]
  - defence: noise_only
    strength: 1.0
    coalitions: {4: [1]}
    attacks: [mean_colour, ridge]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "mine.yaml").write_text(PRESET)
    with registered(Brightness, Gone), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(folder / "cache"))
        config = load_preset(str(folder / "mine.yaml"))
        run(config, folder / "out", device="cpu", workers=1)
        again = run(config, folder / "out", device="cpu", workers=1)
    assert again.new_units == 0
    return RunData.read(folder / "out")


def test_nothing_fails_and_what_cannot_be_had_says_why(finished):
    records = finished.records
    assert not (records["status"] == "failed").any()
    reasons = records.loc[records["status"] == "unsupported"]
    reasons = (
        reasons[reasons["metric"] != "lpips"].groupby(["positions", "attack"])["error"].first()
    )
    assert "needs positions" in reasons["hidden", "telea"]
    assert "needs positions" in reasons["hidden", "ridge"]
    outside = records[records["public_data"] == "out-of-domain"]
    outside = outside[outside["attack"] == "ridge"]
    assert set(outside["status"]) == {"unsupported"}
    assert outside["error"].str.contains("outside").all()
    blind = records[~records["weights_known"] & (records["attack"] == "telea")]
    assert blind["error"].str.contains("needs weights").all()
    learned = records[~records["weights_known"] & (records["attack"] == "ridge")]
    assert "ok" in set(learned["status"])


def test_recognition_records_and_table(finished):
    rows = finished.records[finished.records["metric"] == "brightness_mean"]
    assert set(rows["attack"]) == {"seen", "original", "telea"}
    assert set(rows["region"]) == {"full"}
    gone = finished.records[finished.records["metric"] == "gone_mean"]
    assert set(gone["status"]) == {"unsupported"}
    assert set(gone["error"]) == {"gone is not installed: install it"}
    assert TABLES.get("recognition")().build(finished).frame.empty, (
        "a recogniser that is not registered here"
    )


def test_recognition_is_told_with_its_ceiling(finished):
    with registered(Brightness):
        table = TABLES.get("recognition")().build(finished)
    row = table.frame[table.frame["picture"] == "seen"].iloc[0]
    original = finished.records.query("metric == 'brightness_mean' and attack == 'original'")
    assert row["ceiling"] == pytest.approx(original["value"].mean())
    assert {"1 of 4"} <= {column.label for column in table.columns}
    with registered(Brightness), styled(LIGHT):
        assert FIGURES.get("recognition")().draw(finished, LIGHT) is not None


def test_the_usual_tables_hold_the_usual_attacker_alone(finished):
    assert set(finished.scores["frames"]) == {1}
    assert set(finished.scores["positions"]) == {"known"}
    assert finished.scores["weights_known"].all()


def test_time(finished):
    frame = TABLES.get("time")().build(finished).frame
    frame = frame[(frame["motion"] == "static") & (frame["defence"] == "none")]
    seen = frame.set_index(["policy", "frames"])["windows_seen"]
    assert seen["sticky", 1] == seen["sticky", 2]
    assert seen["random", 2] > seen["random", 1]
    with styled(LIGHT):
        assert FIGURES.get("time")().draw(finished, LIGHT) is not None


def test_averaging_cancels_noise(finished):
    rows = finished.every_score
    rows = rows[(rows["attack"] == "ridge") & (rows["defence"] == "gaussian")]
    rows = rows[(rows["metric"] == "psnr") & (rows["region"] == "visible")]
    means = rows[rows["frames"] == 4].groupby("averaged")["value"].mean()
    assert means[True] > means[False] + 1


def test_a_shard_of_padding_alone_has_everything_hidden_or_says_that_there_is_none(finished):
    rows = finished.records[finished.records["coalition_choice"] == "padding"]
    for _, image in rows.groupby("image_id"):
        known = image[image["status"] == "ok"]
        if known.empty:
            assert set(image["error"]) == {NO_PADDING}
        else:
            assert (known.loc[known["metric"] == "visible_fraction", "value"] == 0).all()
            wide = known.pivot_table(index=["attack", "metric"], columns="region", values="value")
            scored = wide.dropna(subset=["hidden"])
            assert not scored.empty
            assert (scored["hidden"] == scored["full"]).all()
            assert (scored.xs("psnr", level="metric")["hidden"] < 30).all()


def test_threats_and_control(finished):
    assert set(TABLES.get("threats")().build(finished).frame["positions"]) == {"known", "hidden"}
    control = control_summary(finished)
    assert {"ridge", EVERY} <= set(control["attack"])
    assert (control.loc[control["metric"] == "psnr", "gain"] < 3).all()
