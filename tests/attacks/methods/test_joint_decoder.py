"""The joint decoder: a completion, corrected from everything a coalition has."""

import numpy as np
import pytest

from attacks.controls.matching import control_of, prior_of
from attacks.methods.inversion.joint_decoder import CELLS, coarse, completion, covered
from attacks.methods.inversion.joint_decoder_lpips import blurred
from attacks.solvers.kernel_ridge import kernel_ridge
from tests.attacks.toy import example, fit, knowledge, seen


@pytest.fixture(scope="module")
def joint():
    return fit("joint_decoder_lpips", knowledge("chelsea", "rocket", "coins", "retina"))


def plain(joint, target):
    return super(type(joint), joint).reconstruct(target)


def test_uncorrected_it_is_ridge_completed_by_kriging(joint, monkeypatch):
    target = seen("chelsea")
    monkeypatch.setattr(joint, "practise", lambda *_: [])
    canvas = joint._canvas(target)
    expected = canvas.completed(completion(canvas, joint.recall("colour")))
    assert np.array_equal(plain(joint, target), expected)


def test_it_practises_what_it_is_asked_for(joint):
    """Each public photo has the same windows hidden, and some error there."""
    target = seen("chelsea")
    practised = joint.practise(target, [0, 1, 4])
    assert sorted(photo.number for photo in practised) == [0, 1, 2, 3]
    for photo in practised:
        grid = example(("chelsea", "rocket", "coins", "retina")[photo.number]).observation.grid
        hidden = ~covered(grid, [0, 1, 4], joint.recall(f"shown.{photo.number}").shape[:2])
        somewhere = coarse(np.ones((*hidden.shape, 3), np.float32), hidden)[..., 0] > 0
        assert np.array_equal(photo.coarse.any(axis=2), somewhere)
        assert photo.squared > 0


def test_texture_changes_what_is_hidden_alone_and_no_colours(joint):
    target = seen("chelsea")
    without, textured = plain(joint, target), joint.reconstruct(target)
    known = target.grid.pixel_mask(target.visible)
    assert np.array_equal(without[known], textured[known])
    assert not np.array_equal(without, textured)
    grey = np.full((64, 48, 3), 100, dtype=np.float32)
    assert np.allclose(blurred(grey), grey)


def test_a_shard_with_padding_alone_gets_a_picture(joint):
    target = seen("chelsea")
    padding = [w.index for w in target.grid.windows if not w.has_content]
    assert joint.reconstruct(seen("chelsea", padding)).shape == (*target.frame_size, 3)


def test_cells_hold_the_mean_of_what_is_hidden():
    hidden = np.zeros((12, 12), dtype=bool)
    hidden[:, :7] = True
    error = np.where(hidden[..., None], 5.0, 99.0) * np.ones((12, 12, 3))
    cells = coarse(error.astype(np.float32), hidden)
    assert cells.shape == (CELLS, CELLS, 3)
    assert np.allclose(cells[:, :4], 5, atol=1e-4)
    assert not cells[:, 4:].any()


def test_kernel_ridge_finds_a_function_and_knows_when_there_is_none():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    at = np.array([0.5, -0.5])
    even = np.ones(80)
    assert kernel_ridge(x, x[:, :1] ** 2, even, at)[0] == pytest.approx(0.25, abs=0.1)
    assert kernel_ridge(x, rng.normal(size=(80, 1)), even, at)[0] == 0
    noise = 3 + rng.normal(size=(80, 1))
    weight = rng.random(80) + 0.1
    expected = (weight @ noise / weight.sum())[0]
    assert kernel_ridge(np.zeros((80, 2)), noise, weight, at)[0] == pytest.approx(expected)


def test_its_controls_are_its_own():
    assert prior_of("joint_decoder_round1") == "joint_decoder_prior"
    assert control_of("joint_decoder") == "joint_decoder_swapped"
    assert control_of("joint_decoder_lpips") == "joint_decoder_lpips_swapped"
    assert prior_of("joint_decoder_lpips") is None, "it would be without the texture"
