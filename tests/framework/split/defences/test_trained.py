"""Defences with weights: their privacy terms, what they send, and where weights are kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import save
from segment_anything.utils.transforms import ResizeLongestSide

from framework import DistributedSamPredictor, LocalShards
from framework.files import cache
from framework.split.defences import DEFENCES, make_defence
from framework.split.defences.base import Context
from framework.split.defences.trained.adapter import AdapterDefence
from framework.split.defences.trained.base import TrainedDefence
from framework.split.defences.trained.hide_layout import _mixed, _thumbnail
from framework.split.windows import WindowGrid
from tests.framework.support import message_of

pytestmark = pytest.mark.slow

TRAINED = [name for name, part in DEFENCES.items() if issubclass(part, TrainedDefence)]
ADAPTERS = [name for name, part in DEFENCES.items() if issubclass(part, AdapterDefence)]


def strong(name: str) -> float:
    """A strength of at most 2 at which the defence does something."""
    return min(2.0, DEFENCES.get(name).strongest / 2)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))


@pytest.fixture(scope="module")
def frames(photos):
    resize = ResizeLongestSide(256).apply_image
    return [resize(photo) for photo in photos.values()]


@pytest.fixture(scope="module")
def layout(sam, frames):
    return make_defence("hide_layout", 20).fit(sam, "interleaved", frames, 0, 0)


@pytest.mark.parametrize("name", ADAPTERS)
def test_privacy_terms_tell_equal_from_independent(name):
    torch.manual_seed(0)
    told = []
    for noise in (0.0, 3.0, 1000.0):
        term = make_defence(name, strong(name)).privacy(12, 12)
        for _ in range(16):
            pixels = torch.randn(512, 12)
            tokens = pixels + noise * torch.randn(512, 12)
            term.learn(tokens, pixels)
        told.append(term(tokens, pixels).item())
    assert 1.001 >= told[0] > told[1] > told[2] >= 0
    assert told[0] > 0.5
    assert told[2] < 0.5 * told[0]


def test_distance_correlation_of_a_line_is_one():
    term = make_defence("nopeek", 1.0).privacy(1, 1)
    line = torch.linspace(0, 1, 50)[:, None]
    assert term(line, 3 * line - 2).item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_trained_kept_and_used_in_the_first_round_alone(name, sam, photos, frames):
    strength = strong(name)
    path = make_defence(name, strength).train(sam, "interleaved", frames[:1], 2, 0)
    assert f"{name}-{strength:g}-" in path.name
    predictor = DistributedSamPredictor(sam, LocalShards(4), defence=make_defence(name, strength))
    plain = DistributedSamPredictor(sam, LocalShards(4), policy=predictor.encoder.policy)
    for used in (predictor, plain):
        used.set_image(photos["square"])
    sent, without = (
        [m.sent.decode() for m in used.observation().messages if m.round == 0]
        for used in (predictor, plain)
    )
    changes = [np.abs(a - b).max() for a, b in zip(sent, without, strict=True)]
    assert max(changes) > 0
    defence, tokens = predictor.encoder.defence, sent[0]
    grid = WindowGrid.of(sam.arch, (256, 256))
    later = Context(grid.windows[0], 1, grid)
    assert np.array_equal(defence.protect_window(tokens, np.random.default_rng(0), later), tokens)


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_a_learned_mask_drops_its_share_of_each_tokens_channels(share):
    torch.manual_seed(0)
    mask, tokens = make_defence("channel_mask", share).network(40), torch.randn(3, 7, 40)
    torch.nn.init.constant_(mask.stand_in, 9.0)
    with torch.no_grad():
        sent = mask(tokens)
    dropped = (sent - 9.0).abs() < 1e-5
    assert (dropped.sum(dim=-1) == round(share * 40)).all()
    assert torch.allclose(sent[~dropped], tokens[~dropped], atol=1e-5)


def test_a_learned_mask_drops_what_tells_the_pixels_and_is_not_needed():
    torch.manual_seed(0)
    defence = make_defence("channel_mask", 0.5)
    mask, attacker = defence.network(8), defence.privacy(8, 4)
    optimiser = torch.optim.Adam(mask.parameters(), lr=1e-2)
    for _ in range(60):
        tokens = torch.randn(256, 8)
        sent = mask(tokens)
        attacker.learn(sent.detach(), tokens[:, :4])
        error = (sent - tokens)[:, 4:].square().mean()
        optimiser.zero_grad()
        (error + attacker(sent, tokens[:, :4])).backward()
        optimiser.step()
    with torch.no_grad():
        kept = (mask(torch.randn(256, 8)) - mask.stand_in).abs() > 1e-5
    assert kept[:, :4].float().mean() < 0.2


def test_learned_noise_has_the_covariance_of_its_shape_and_is_fresh():
    rng = np.random.default_rng(0)
    shape = rng.normal(size=(5, 5)).astype(np.float32)
    defence = make_defence("learned_noise", 1.0)
    defence.load(
        {"map": np.eye(5, dtype=np.float32), "shift": np.ones(5, np.float32), "shape": shape}
    )
    sent = [defence.protect(np.zeros((200, 200, 5), np.float32), rng) for _ in range(2)]
    assert not np.array_equal(*sent)
    noise = sent[0].reshape(-1, 5) - 1
    np.testing.assert_allclose(noise.T @ noise / len(noise), shape.T @ shape, atol=0.15)


def test_learned_noise_hides_what_tells_the_pixels_and_is_not_needed():
    torch.manual_seed(0)
    defence = make_defence("learned_noise", 1.0)
    channel, attacker = defence.network(8), defence.privacy(8, 4)
    optimiser = torch.optim.Adam(channel.parameters(), lr=3e-2)
    for _ in range(150):
        tokens = torch.randn(512, 8)
        sent = channel(tokens)
        error = (sent - tokens)[:, 4:].square().mean()
        optimiser.zero_grad()
        (error + attacker(sent, tokens[:, :4])).backward()
        optimiser.step()
    with torch.no_grad():
        tokens = torch.randn(4096, 8)
        sent = channel(tokens)
    assert (sent - tokens)[:, 4:].square().mean() < 0.05
    assert attacker(sent, tokens[:, :4]) < 0.02 < 0.2 < attacker(sent, tokens[:, 4:])


@pytest.mark.parametrize("noise", [0.1, 1.0])
def test_the_linear_attacker_is_judged_in_decibels(noise):
    torch.manual_seed(0)
    pixels = torch.randn(20_000, 3)
    told = make_defence("learned_noise", 1.0).privacy(3, 3)(
        pixels + noise * torch.randn_like(pixels), pixels
    )
    decibels = -10 * np.log10(noise**2 / (1 + noise**2))
    assert 30 * told.item() == pytest.approx(decibels, abs=0.6)


def test_training_lowers_what_is_told(sam, frames):
    defence = make_defence("conditional_entropy", 30.0)
    arrays = defence.fit(sam, "interleaved", frames[:1], 3, 0)
    images = sam.preprocess(torch.as_tensor(frames[0]).permute(2, 0, 1)[None])
    told = []
    for weight in (0, 1):
        defence.load({k: v * weight if k.startswith("outer") else v for k, v in arrays.items()})
        torch.manual_seed(0)
        with torch.no_grad():
            _, share = defence._losses(sam, defence.adapter, defence.privacy(192, 192), images)
        told.append(share.item())
    assert told[1] < told[0]


def test_the_layout_is_not_sent_and_comes_back(sam, photos, layout):
    defence = make_defence("hide_layout", 20)
    defence.bind = lambda sam, plan: defence.load(layout)
    predictor = DistributedSamPredictor(sam, LocalShards(4), defence=defence, seed=0)
    predictor.set_image(photos["square"])
    for message in predictor.observation().messages:
        if message.round:
            basis, mean = layout["bases"][message.round - 1], layout["means"][message.round - 1]
            along = (message.sent.decode() - mean) @ basis[:, :20]
            assert np.abs(along).max() < 1e-3


def test_removing_more_directions_costs_more(sam, photos, layout, stock_embedding):
    errors = []
    for strength in (1, 60):
        defence = make_defence("hide_layout", strength)
        defence.bind = lambda sam, plan, defence=defence: defence.load(layout)
        predictor = DistributedSamPredictor(sam, LocalShards(4), defence=defence, seed=0)
        predictor.set_image(photos["square"])
        errors.append((predictor.features - stock_embedding("square")).norm().item())
    assert 0 < errors[0] < errors[1]


def test_no_linear_regression_finds_the_layout_of_the_photos_it_was_fitted_on(layout, sam, frames):
    tokens = np.stack([_mixed(sam, "interleaved", frame)[0].mean(axis=0) for frame in frames])
    thumbnails = np.stack([_thumbnail(frame, 256) for frame in frames])
    basis = layout["bases"][0][:, : len(frames)]
    kept = tokens - (tokens - tokens.mean(axis=0)) @ basis @ basis.T
    centred = thumbnails - thumbnails.mean(axis=0)
    before, after = (np.abs((t - t.mean(axis=0)).T @ centred).max() for t in (tokens, kept))
    assert after < 1e-3 * before


@pytest.mark.parametrize("name", TRAINED)
def test_an_untrained_defence_says_how_to_train_it(name, sam):
    defence = make_defence(name, strong(name))
    text = message_of(lambda: DistributedSamPredictor(sam, LocalShards(4), defence=defence))
    command = f"run pedbench defend {name} --strength {defence.strength:g} --plan interleaved"
    assert f"{command} --model tiny" in text


@pytest.mark.parametrize("name", TRAINED)
def test_damaged_weights_are_named(name, sam):
    defence = make_defence(name, strong(name))
    path = defence.path(sam, "interleaved")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no weights")
    text = message_of(lambda: DistributedSamPredictor(sam, LocalShards(4), defence=defence))
    assert "delete it" in text
    path.write_bytes(save({"strange": np.zeros(3, np.float32)}))
    text = message_of(lambda: DistributedSamPredictor(sam, LocalShards(4), defence=defence))
    assert "delete it" in text


@pytest.mark.parametrize("plan", ["prefix", "globals_last"])
def test_a_layout_is_hidden_only_where_there_is_a_later_round(plan, sam, frames):
    text = message_of(lambda: make_defence("hide_layout", 20).fit(sam, plan, frames, 0, 0))
    assert f"plan '{plan}' has none" in text


def test_what_is_trained_costs_matrix_products():
    adapter, layout = DEFENCES.get("nopeek")(1.0), DEFENCES.get("hide_layout")(10.0)
    assert adapter.macs(1024, 192, 4) == 2 * 1024 * 192 * 128
    assert DEFENCES.get("learned_noise")(1.0).macs(1024, 192, 4) == 2 * 1024 * 192 * 192
    assert layout.macs(1024, 192, 4) == 2 * 3 * 1024 * 192 * 10
    assert DEFENCES.get("gaussian")(1.0).macs(1024, 192, 4) == 0
