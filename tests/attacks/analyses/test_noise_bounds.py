"""Bounds from above where the answer is known in closed form."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats

from attacks.analyses.noise_bounds.capacity import LAPLACE_GAP, bits_at_most, second_moments
from attacks.analyses.noise_bounds.fisher import LAPLACE, dfil, fisher_information
from attacks.analyses.noise_bounds.tokens import TokenBounds, noisy
from framework.split.defences import make_defence
from tests.attacks.conftest import PUBLIC
from tests.attacks.toy import example, toy


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def linear(weights, deviation, values):
    """A linear encoder with noise of one deviation."""
    mean = weights @ values
    return mean, torch.full_like(mean, float(np.log(deviation)))


@pytest.mark.parametrize("ratio", [0.1, 1.0, 15.0])
def test_one_channel_has_the_capacity_of_shannon(ratio):
    values = np.full((4, 1), np.sqrt(ratio))
    assert bits_at_most(values, second_moments(values)) == pytest.approx(np.log2(1 + ratio) / 2)


def test_a_linear_encoder_of_gaussian_pixels_has_its_information(rng):
    """½ log det(I + W Wᵀ / σ²), for which the bound is exact."""
    weights, sigma = rng.normal(size=(5, 3)), 0.5
    tokens = rng.normal(size=(200_000, 3)) @ weights.T
    _, volume = np.linalg.slogdet(np.eye(5) + weights @ weights.T / sigma**2)
    found = bits_at_most(tokens / sigma, second_moments(tokens / sigma))
    assert found == pytest.approx(volume / 2 / np.log(2), rel=0.01)


def test_moments_of_other_photos_give_a_weaker_bound(rng):
    tokens, others = rng.normal(size=(500, 4)), 2 * rng.normal(size=(500, 4))
    own = bits_at_most(tokens, second_moments(tokens))
    assert bits_at_most(tokens, second_moments(others)) > own


def test_laplace_noise_has_less_entropy_than_gaussian_noise():
    gap = stats.norm.entropy() - stats.laplace(scale=1 / np.sqrt(2)).entropy()
    assert pytest.approx(gap / np.log(2)) == LAPLACE_GAP
    assert bits_at_most(np.zeros((1, 3)), np.zeros((3, 3)), LAPLACE_GAP) == pytest.approx(
        3 * LAPLACE_GAP
    )


def test_a_linear_encoder_has_the_error_of_least_squares(rng):
    """σ² tr((WᵀW)⁻¹) / d, which the unbiased attacker by least squares reaches."""
    weights, sigma = rng.normal(size=(6, 3)), 0.7
    channel = partial(linear, torch.tensor(weights), sigma)
    information = fisher_information(channel, torch.zeros(3, dtype=torch.float64))
    expected = sigma**2 * np.trace(np.linalg.inv(weights.T @ weights)) / 3
    assert float(torch.linalg.inv(information).trace()) / 3 == pytest.approx(expected)
    assert float(dfil(information)) == pytest.approx((weights**2).sum() / sigma**2 / 3)
    noise = sigma * rng.normal(size=(50_000, 6))
    reached = (noise @ np.linalg.pinv(weights).T) ** 2
    assert reached.mean() == pytest.approx(expected, rel=0.03)
    assert 1 / float(dfil(information)) <= expected


def test_noise_relative_to_the_signal_tells_by_its_size_too():
    """Of N(x, (s x)²) the information on x is (1 / s² + 2) / x²; Laplace noise tells 2 / s² + 1."""

    def channel(values):
        return values, (0.5 * values).log()

    x = torch.tensor([3.0])
    assert float(fisher_information(channel, x)) == pytest.approx((1 / 0.25 + 2) / 9)
    assert float(fisher_information(channel, x, LAPLACE)) == pytest.approx((2 / 0.25 + 1) / 9)


@pytest.mark.parametrize("name", ["gaussian", "laplace", "clip_noise"])
def test_what_is_bounded_is_what_the_defence_sends(name, rng):
    defence = make_defence(name, 0.5)
    tokens = (3 * rng.normal(size=(2, 2, 192))).astype(np.float32)
    mean, log_deviation = noisy(defence, torch.tensor(tokens))
    sent = np.stack([defence.protect(tokens, rng).ravel() for _ in range(300)])
    assert np.abs(sent.mean(axis=0) - mean.numpy()).mean() < 0.1
    assert sent.std(axis=0).mean() == pytest.approx(float(log_deviation.exp().mean()), rel=0.02)
    assert np.allclose(defence.signal(tokens).ravel(), mean.numpy(), atol=1e-5)
    spread = np.broadcast_to(defence.deviation(tokens), tokens.shape)
    assert np.allclose(np.log(spread).ravel(), log_deviation.numpy(), atol=1e-5)


def test_more_noise_lets_less_through():
    bounds = TokenBounds(toy(), [example(name).frame for name in PUBLIC[:3]])
    frame = example("astronaut").frame
    weak, strong = (make_defence("gaussian", strength) for strength in (0.2, 1.0))
    assert bounds.bits(weak, frame) > bounds.bits(strong, frame) > 0
    assert bounds.error(strong, frame) > bounds.error(weak, frame) > 0


@pytest.mark.slow
def test_blocks_on_the_edge_change_what_is_told():
    bounds, frame = TokenBounds(toy(), []), example("astronaut").frame
    defence = make_defence("gaussian", 0.5)
    blocks = toy().arch.window_blocks[:1]
    plain, after = (bounds.error(defence, frame, side=2, blocks=b) for b in ((), blocks))
    assert after > 0
    assert after != pytest.approx(plain)
