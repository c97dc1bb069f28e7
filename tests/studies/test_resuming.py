"""Studies that go on where they were stopped, and what they tell of scores."""

import numpy as np
import pandas as pd
import pytest

from attacks import ATTACKS
from framework.errors import PedbenchError
from studies.attacks import attacker_growth, joint_decoder
from studies.attacks.joint_decoder import EVERYWHERE, RIVALS, gains
from studies.attacks.kept_attackers import kept_attacker
from studies.kept import same_settings
from tests.attacks.toy import knowledge, seen


def test_a_kept_attacker_is_fitted_once_for_the_same_photos(tmp_path, monkeypatch):
    known = knowledge("chelsea", "rocket")
    first = kept_attacker("joint_decoder", 0, known, tmp_path)
    monkeypatch.setattr(ATTACKS.get("joint_decoder"), "fit", lambda *_: pytest.fail("fitted again"))
    second = kept_attacker("joint_decoder", 0, known, tmp_path)
    target = seen("coins")
    assert np.array_equal(first.reconstruct(target), second.reconstruct(target))
    with pytest.raises(pytest.fail.Exception):
        kept_attacker("joint_decoder", 0, knowledge("chelsea"), tmp_path)


def test_joint_decoders_that_share_their_practice_draw_the_same_picture():
    names = ["joint_decoder", "joint_decoder_round1", "joint_decoder_prior"]
    known = knowledge("chelsea", "rocket", "retina")
    shared = joint_decoder.fitted(known, names, [0], None)
    assert [each.name for each in shared] == names
    target = seen("coins")
    for each in shared:
        alone = kept_attacker(each.name, 0, known, None)
        assert np.array_equal(each.attack.reconstruct(target), alone.reconstruct(target))


def test_a_photo_is_scored_once_by_each_attacker_whatever_its_name(tmp_path, monkeypatch):
    class Photos:
        name, ids = "coco:some", ["007", "8"]

        def load(self, image):
            return image

    asked = []

    def of_photo(photo, attackers):
        asked.extend((photo, each.name) for each in attackers)
        return [{"coalition": "1 of 4", "attack": a.name, "seed": a.seed} for a in attackers]

    monkeypatch.setattr(joint_decoder, "sent", lambda models, image, shards: image)
    monkeypatch.setattr(joint_decoder, "of_photo", of_photo)
    first, second = (joint_decoder.Fitted(name, 0, None) for name in ("kriging", "ridge"))
    joint_decoder.scored(None, Photos(), [first], tmp_path)
    found = joint_decoder.scored(None, Photos(), [first, second], tmp_path)
    assert asked == [(i, n) for n in ("kriging", "ridge") for i in ("007", "8")]
    assert len(found) == 4


def scores(gain):
    """Two photos and two seeds, at which the stacked decoder gains so much over another one."""
    rows = []
    for image, seed in (("a", 0), ("a", 1), ("b", 0), ("b", 1)):
        base = {"data": "set", "coalition": "1 of 4", "seen": 0.3, "image": image, "seed": seed}
        level = 10.0 if image == "a" else 20.0
        rows.append({**base, "attack": "stacked_decoder", "psnr": level + gain, "lpips": 0.5})
        rows.append({**base, "attack": "kriging", "psnr": level, "lpips": np.nan})
    return pd.DataFrame(rows)


def test_gains_are_paired_by_photo_and_averaged_over_seeds(monkeypatch):
    monkeypatch.setattr(joint_decoder, "RIVALS", {"psnr": "stacked_decoder"})
    table = pd.DataFrame(joint_decoder.gains(scores(0.5)))
    own = table[(table["data"] == "set") & (table["attack"] == "kriging")].iloc[0]
    assert own["photos"] == 2
    assert own["psnr"] == pytest.approx(15.0)
    assert own["psnr gain of stacked_decoder"] == "+0.500 [+0.500, +0.500]"


def test_growth_tells_what_more_photos_and_more_steps_gain():
    rows = [
        {
            "image": image,
            "attack": "whole_image_decoder",
            "region": "hidden",
            "photos": photos,
            "steps": steps,
            "seed": seed,
            "processor seconds": 1.0,
            "psnr": 10 + level + photos / 8 + steps / 300 + seed / 2,
        }
        for image, level in (("a", 0), ("b", 5))
        for seed in (0, 1)
        for photos in (8, 32)
        for steps in (75, 300)
    ]
    table = attacker_growth.summary(pd.DataFrame(rows))
    most = table.iloc[-1]
    assert (most["photos"], most["steps"]) == (32, 300)
    assert most["gain over fewer photos"] == "+3.00 [+3.00, +3.00]"
    assert most["gain over fewer steps"] == "+0.75 [+0.75, +0.75]"
    assert table.iloc[0]["gain over fewer photos"] == ""
    assert most["psnr"] == pytest.approx(17.75)
    assert (most["seeds"], most["seeds apart"]) == (2, pytest.approx(0.5))
    figure = attacker_growth.drawn(table)
    (axes,) = figure.axes
    assert [len(line.get_xdata()) for line in axes.lines] == [2, 2]


def test_a_folder_goes_on_with_the_same_settings_alone(tmp_path):
    same_settings(tmp_path / "study", model="tiny", data=("a", "b"))
    same_settings(tmp_path / "study", model="tiny", data=["a", "b"])
    with pytest.raises(PedbenchError, match="another data: give another --out"):
        same_settings(tmp_path / "study", model="tiny", data=["a"])
    same_settings(None, model="tiny")


def test_photos_of_one_name_stay_apart():
    cell = {"image": "1", "coalition": "1 of 4", "seen": 0.25, "seed": 0, "lpips": np.nan}
    values = [("a", RIVALS["psnr"], 10.0), ("b", RIVALS["psnr"], 14.0), ("a", "other", 9.0)]
    scores = pd.DataFrame(
        [cell | {"data": data, "attack": name, "psnr": psnr} for data, name, psnr in values]
    )
    rows = {(row["data"], row["attack"]): row for row in gains(scores)}
    both = rows[EVERYWHERE, RIVALS["psnr"]]
    assert (both["photos"], both["psnr"]) == (2, 12.0)
    assert rows[EVERYWHERE, "other"][f"psnr gain of {RIVALS['psnr']}"].startswith("+1.000")
