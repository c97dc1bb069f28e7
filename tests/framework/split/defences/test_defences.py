"""Defences change a payload by as much as their strength says."""

from __future__ import annotations

import numpy as np
import pytest

from framework import DistributedSamPredictor, LocalShards
from framework.split.defences import DEFENCES, Defence, make_defence
from tests.framework.support import frame_of, message_of


@pytest.fixture
def tokens():
    rng = np.random.default_rng(0)
    size = rng.uniform(0.1, 10, (7, 7, 1))
    return (3 + size * rng.normal(size=(7, 7, 192))).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize("name", DEFENCES.names())
def test_strength_zero_changes_nothing(name, tokens, rng):
    defence = DEFENCES.get(name)(0)
    assert np.array_equal(defence.protect(tokens, rng), tokens)
    pixels = frame_of(16, 24)
    assert np.array_equal(defence.protect_pixels(pixels, rng), pixels)


@pytest.mark.parametrize("strength", [0.1, 1.0, np.float64(3)])
def test_gaussian_noise_is_relative_to_each_token(tokens, rng, strength):
    protected = DEFENCES.get("gaussian")(strength).protect(tokens, rng)
    assert protected.dtype == np.float32
    ratio = (protected - tokens).std(axis=-1) / tokens.std(axis=-1)
    assert ratio.mean() == pytest.approx(strength, rel=0.02)
    assert ratio.std() < 0.1 * strength


def test_pixels_stay_uint8_and_in_range(rng):
    pixels = np.concatenate([frame_of(28, 56), np.full((28, 56, 3), 255, np.uint8)])
    protected = DEFENCES.get("gaussian")(0.25).protect_pixels(pixels, rng)
    assert protected.dtype == np.uint8
    assert protected.shape == pixels.shape
    change = protected[:28].astype(float) - pixels[:28]
    assert change.std() == pytest.approx(0.25 * pixels.std(), rel=0.1)
    assert np.abs(change).max() < 128


@pytest.mark.filterwarnings("error")
def test_an_empty_window_passes(rng):
    empty = np.zeros((0, 56, 3), dtype=np.uint8)
    assert DEFENCES.get("gaussian")(1.0).protect_pixels(empty, rng).shape == (0, 56, 3)


@pytest.mark.parametrize("strength", [-1, float("nan"), float("inf")])
def test_impossible_strength(strength):
    assert "at least 0" in message_of(lambda: DEFENCES.get("gaussian")(strength))


@pytest.mark.parametrize("strength", ["abc", [1], {}])
def test_a_strength_that_is_no_number(strength):
    assert "not a number" in message_of(lambda: DEFENCES.get("gaussian")(strength))


NEEDING = [name for name in DEFENCES.names() if name != "none"]


@pytest.mark.parametrize("name", NEEDING)
@pytest.mark.parametrize("strength", [(), (0,), (0.0,)])
def test_a_defence_without_strength_is_refused(name, strength):
    text = message_of(lambda: make_defence(name, *strength))
    assert "without a strength changes nothing" in text


@pytest.mark.parametrize("name", NEEDING)
def test_a_predictor_refuses_a_defence_without_strength(sam, name):
    for defence in (lambda: name, lambda: DEFENCES.get(name)()):
        text = message_of(
            lambda d=defence: DistributedSamPredictor(sam, LocalShards(4), defence=d())
        )
        assert "without a strength changes nothing" in text


def test_a_strength_without_defence_is_refused():
    for make in (lambda: make_defence("none", 4), lambda: DEFENCES.get("none")(4.0)):
        assert "strength 4 without a defence" in message_of(make)
    assert make_defence("none").strength == make_defence("none", 0).strength == 0


class Fixed(Defence):
    """A defence of a third party that has a strength of its own."""

    def __init__(self, strength: float = 3.0) -> None:
        super().__init__(strength)

    def protect(self, tokens, rng):
        return tokens * 0


def test_a_defence_may_have_a_strength_of_its_own(monkeypatch):
    DEFENCES.names()
    monkeypatch.setitem(DEFENCES._parts, "fixed", Fixed)
    assert make_defence("fixed").strength == 3
    assert make_defence("fixed", 2).strength == 2


def test_unknown_defence():
    assert "did you mean 'gaussian'" in message_of(lambda: DEFENCES.get("gauss"))


def embedding(sam, photo, **options):
    predictor = DistributedSamPredictor(sam, LocalShards(4), **options)
    predictor.set_image(photo)
    return predictor.features


@pytest.mark.slow
@pytest.mark.parametrize("payload", ["float32", "pixels"])
def test_noise_costs_more_the_stronger_it_is(sam, photos, stock_embedding, payload):
    errors = []
    for strength in (0.1, 0.5):
        defence = DEFENCES.get("gaussian")(strength)
        found = embedding(sam, photos["square"], payload=payload, defence=defence, seed=0)
        errors.append((found - stock_embedding("square")).norm().item())
    assert 0 < errors[0] < errors[1]


def test_noise_follows_the_seed(sam, photos):
    defence = DEFENCES.get("gaussian")(0.5)
    first, again, other = (
        embedding(sam, photos["square"], defence=defence, seed=seed) for seed in (1, 1, 2)
    )
    assert first.equal(again)
    assert not first.equal(other)


def test_noise_is_fresh_for_each_picture(sam, photos):
    defence = DEFENCES.get("gaussian")(0.5)
    predictor = DistributedSamPredictor(sam, LocalShards(4), defence=defence, seed=1)
    predictor.set_image(photos["square"])
    first = predictor.features
    predictor.set_image(photos["square"])
    assert not first.equal(predictor.features)
