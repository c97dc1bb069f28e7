"""The strength of each defence changes what is sent as its docstring states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from framework import DistributedSamPredictor, LocalShards
from framework.split.defences import DEFENCES
from framework.split.defences.base import Context
from framework.split.defences.noise.clip_noise import TOKEN_LIMIT, analytic_epsilon
from framework.split.windows import WindowGrid
from tests.framework.support import frame_of, message_of

SHARES = ("drop_channels", "drop_tokens", "shuffle_tokens", "quantise")


@pytest.fixture
def tokens():
    return (3 + 2 * np.random.default_rng(0).normal(size=(7, 7, 192))).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def context():
    grid = WindowGrid(256, 8, 7, (256, 256))
    return Context(grid.windows[0], 0, grid)


def sent(name, strength, tokens, rng):
    return DEFENCES.get(name)(strength).protect(tokens, rng)


@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_laplace_noise_has_the_deviation_and_the_tails(tokens, rng, strength):
    noise = (sent("laplace", strength, tokens, rng) - tokens) / tokens.std(axis=-1, keepdims=True)
    assert noise.std() == pytest.approx(strength, rel=0.03)
    assert stats.kurtosis(noise.ravel()) == pytest.approx(3, abs=0.8)


@pytest.mark.parametrize("strength", [0.25, 2.0])
def test_noise_of_the_first_round_leaves_later_rounds_alone(tokens, rng, context, strength):
    defence = DEFENCES.get("gaussian_once")(strength)
    noise = (defence.protect_window(tokens, rng, context) - tokens) / tokens.std(-1, keepdims=True)
    assert noise.std() == pytest.approx(strength, rel=0.03)
    later = Context(context.window, 1, context.grid)
    assert np.array_equal(defence.protect_window(tokens, rng, later), tokens)


@pytest.mark.parametrize("name", ["gaussian_once", "clip_noise"])
def test_windows_that_stay_on_the_edge_get_the_noise_as_well(sam, photos, name):
    """Else later rounds, computed from them, would tell of the photo without noise."""
    embeddings = []
    for policy in ("random", "sensitive_local:skin:0.5"):
        predictor = DistributedSamPredictor(
            sam, LocalShards(4), policy=policy, defence=DEFENCES.get(name)(0.5), seed=0
        )
        predictor.set_image(photos["square"])
        embeddings.append(predictor.features)
    assert torch.allclose(*embeddings, atol=1e-4)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
def test_quantisation_leaves_as_many_levels_as_its_bits(tokens, rng, bits):
    defence = DEFENCES.get("quantise")(1 / (2**bits - 1))
    assert defence.bits == pytest.approx(bits)
    rounded = defence.protect(tokens, rng)
    levels = [len(np.unique(token.round(4))) for token in rounded.reshape(-1, 192)]
    assert max(levels) <= 2**bits
    step = np.ptp(tokens, axis=-1, keepdims=True) * defence.strength
    assert (np.abs(rounded - tokens) <= 0.501 * step).all()


def test_quantisation_keeps_a_token_without_range(rng):
    flat = np.full((2, 2, 8), 5, np.float32)
    assert np.array_equal(sent("quantise", 0.5, flat, rng), flat)


def test_quantised_pixels_have_few_levels(rng):
    pixels = frame_of(16, 16)
    rounded = DEFENCES.get("quantise")(1 / 3).protect_pixels(pixels, rng)
    assert len(np.unique(rounded)) == 4


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_dropped_channels_are_those_that_vary_most(tokens, rng, strength):
    tokens = tokens * np.linspace(0.1, 2, 192, dtype=np.float32)
    kept = sent("drop_channels", strength, tokens, rng)
    flat = kept.var(axis=(0, 1)) < 1e-8
    assert flat.sum() == round(192 * strength)
    spread = tokens.var(axis=(0, 1))
    assert not (~flat).any() or spread[flat].min() >= spread[~flat].max()
    np.testing.assert_allclose(kept.mean(axis=(0, 1)), tokens.mean(axis=(0, 1)), rtol=1e-4)


@pytest.mark.parametrize("strength", [0.2, 0.6, 1.0])
def test_dropped_tokens_become_the_mean_of_the_others(tokens, rng, strength):
    kept = sent("drop_tokens", strength, tokens, rng).reshape(49, -1)
    changed = (kept != tokens.reshape(49, -1)).any(axis=1)
    assert changed.sum() == round(49 * strength)
    others = tokens.reshape(49, -1)[~changed if not changed.all() else changed]
    np.testing.assert_allclose(
        kept[changed], np.tile(others.mean(axis=0), (changed.sum(), 1)), 1e-4
    )


def test_another_draw_drops_other_tokens(tokens, rng):
    assert not np.array_equal(*(sent("drop_tokens", 0.5, tokens, rng) for _ in range(2)))


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_a_shuffle_moves_tokens_and_the_edge_puts_them_back(tokens, rng, context, strength):
    defence = DEFENCES.get("shuffle_tokens")(strength)
    moved = defence.protect_window(tokens, rng, context)
    places = (moved != tokens).any(axis=-1).sum()
    assert 0.7 * 49 * strength < places <= round(49 * strength)
    assert np.array_equal(np.sort(moved, axis=None), np.sort(tokens, axis=None))
    assert np.array_equal(defence.restore_window(moved, context), tokens)


def test_clipping_bounds_every_token_and_noise_has_its_scale(tokens, rng):
    huge = tokens * np.float32(10)
    weak = sent("clip_noise", 1e-6, huge, rng)
    assert np.sqrt((weak**2).mean(axis=-1)).max() == pytest.approx(TOKEN_LIMIT, rel=1e-3)
    noise = sent("clip_noise", 0.5, tokens * 0.1, rng) - tokens * 0.1
    assert noise.std() == pytest.approx(0.5 * TOKEN_LIMIT, rel=0.02)


def test_epsilon_falls_with_noise_and_grows_with_channels():
    of = DEFENCES.get("clip_noise")
    assert of(0).epsilon(192) == np.inf
    assert of(1).epsilon(192) > of(10).epsilon(192) > of(100).epsilon(192) > 0
    assert of(10).epsilon(192) > of(10).epsilon(96)


def test_epsilon_meets_delta_exactly():
    """Theorem 8 of Balle and Wang (2018), evaluated in another way."""
    ratio, delta = 0.8, 1e-5
    epsilon = analytic_epsilon(ratio, delta)
    upper = stats.norm.cdf(ratio / 2 - epsilon / ratio)
    lower = np.exp(epsilon) * stats.norm.cdf(-ratio / 2 - epsilon / ratio)
    assert upper - lower == pytest.approx(delta, rel=1e-4)
    classical = ratio * np.sqrt(2 * np.log(1.25 / delta))
    assert epsilon < classical


@pytest.mark.parametrize("name", ["blur", "downsample"])
def test_a_coarser_frame_is_embedded(name, rng):
    frame = frame_of(60, 90)
    weak, strong = (DEFENCES.get(name)(s).protect_frame(frame, rng) for s in (0.5, 3))
    assert weak.shape == strong.shape == frame.shape
    assert frame.std() > weak.std() > strong.std() > 0


@pytest.mark.parametrize("payload", ["float32", "pixels"])
def test_shards_and_edge_see_the_coarser_frame_alone(sam, photos, payload):
    defence = DEFENCES.get("downsample")(3)
    shards = LocalShards(4)
    kept = DistributedSamPredictor(sam, shards, payload=payload, defence=defence, seed=0)
    kept.set_image(photos["square"])
    frame = defence.protect_frame(
        kept.transform.apply_image(photos["square"]), np.random.default_rng(0)
    )
    plain = DistributedSamPredictor(sam, LocalShards(4), payload=payload, seed=0)
    plain.set_image(frame)
    assert kept.features.equal(plain.features)


def test_a_shuffled_window_costs_exactness_but_stays_near(sam, photos, stock_embedding):
    errors = []
    for strength in (0.1, 1.0):
        predictor = DistributedSamPredictor(
            sam, LocalShards(4), defence=DEFENCES.get("shuffle_tokens")(strength), seed=0
        )
        predictor.set_image(photos["square"])
        errors.append((predictor.features - stock_embedding("square")).norm().item())
    assert 0 < errors[0] < errors[1]


@pytest.mark.parametrize("name", SHARES)
def test_a_share_is_at_most_one(name):
    assert "give at most 1" in message_of(lambda: DEFENCES.get(name)(1.5))


@pytest.mark.parametrize("name", ["drop_channels", "drop_tokens", "shuffle_tokens"])
def test_defences_of_tokens_refuse_pixels(name, rng):
    text = message_of(lambda: DEFENCES.get(name)(0.5).protect_pixels(frame_of(8, 8), rng))
    assert "give a token payload" in text
