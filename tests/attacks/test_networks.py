"""Attacks with networks: better than their priors, reproducible, and whole after being saved."""

import numpy as np
import pytest
import torch

from attacks import ATTACKS
from attacks.controls.retrained_prior import blanked
from attacks.features import token_maps
from attacks.features.token_maps import practice, token_map
from attacks.networks.training import train
from tests.attacks.conftest import psnr
from tests.attacks.toy import TOY, example, fit, knowledge, seen

NETWORKS = ("transformer_decoder", "whole_image_decoder", "whole_image_prior")
every_network = pytest.mark.parametrize("name", NETWORKS)


@every_network
def test_training_is_deterministic_and_leaves_the_global_seed_alone(name):
    known = knowledge(stages=[2]) if name == "transformer_decoder" else knowledge()
    before = torch.random.get_rng_state()
    first, second = (fit(name, known, seed=1, steps=2).state() for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[key], second[key]) for key in first)


@every_network
def test_the_state_is_the_whole_attack(name):
    attack = fit(name, knowledge(), steps=2)
    twin = ATTACKS.get(name)()
    twin.load_state(attack.state())
    target = seen("chelsea")
    assert np.array_equal(attack.reconstruct(target), twin.reconstruct(target))


@pytest.mark.slow
def test_later_tokens_of_the_padding_give_its_own_training_photos_away(monkeypatch):
    """The decoder tells them apart by round 2, though it sees no pixel; on round 1 it cannot."""
    monkeypatch.setattr(token_maps, "PADDING_ONLY", 1.0)
    photos = ("chelsea", "rocket")
    padding = [w.index for w in example("chelsea").observation.grid.windows if not w.has_content]
    assert padding
    scores = []
    for name in ("whole_image_decoder", "whole_image_decoder_round1"):
        attack = fit(name, knowledge(*photos * 4), steps=40)
        pairs = [(example(n).frame, attack.reconstruct(seen(n, padding))) for n in photos]
        scores.append(np.mean([psnr(truth, picture) for truth, picture in pairs]))
    assert scores[0] > scores[1] + 1


def test_corrections_start_from_ridge():
    """Without a step worth keeping, the whole-image decoder is ridge."""
    linear = fit("ridge", knowledge())
    attack = fit("whole_image_decoder", knowledge(), steps=1)
    attack.learned["scale"] = np.zeros(2, dtype=np.float32)
    target = seen("chelsea")
    difference = attack.reconstruct(target).astype(int) - linear.reconstruct(target)
    assert np.abs(difference).max() <= 1


def test_blanked_messages_hold_nothing_and_name_the_same_windows():
    whole = seen("chelsea")
    none, first = blanked(whole), blanked(whole, since=1)
    assert [m.window for m in none.messages] == [m.window for m in whole.messages]
    assert not any(m.sent.decode().any() or m.returned.decode().any() for m in none.messages)
    for kept, message in zip(first.messages, whole.messages, strict=True):
        assert np.array_equal(kept.sent.data, message.sent.data) == (message.round == 0)


@pytest.mark.parametrize("name", ["ridge_prior", "whole_image_prior"])
def test_a_prior_does_not_look(name):
    attack = fit(name, knowledge(), **({"steps": 1} if "whole" in name else {}))
    pictures = [attack.reconstruct(seen(photo)) for photo in ("chelsea", "rocket")]
    assert pictures[0].shape == example("chelsea").frame.shape
    smallest = tuple(min(p.shape[i] for p in pictures) for i in (0, 1))
    assert example("chelsea").frame.shape == example("rocket").frame.shape
    assert np.array_equal(pictures[0][: smallest[0]], pictures[1][: smallest[0]])


def test_token_maps_put_windows_in_their_places():
    whole = example("chelsea").observation
    values, held = token_map(seen("chelsea", (4,)), 2, np.zeros(1, dtype=np.float32))
    place = whole.grid.windows[4].token_slice
    assert held.sum() == TOY.window_size**2
    assert held[place].all()
    assert np.array_equal(values[place], whole.tokens(2)[4])
    assert not values[~held].any()


def test_practice_covers_padding_alone_and_everything():
    grid = example("chelsea").observation.grid
    rng = np.random.default_rng(0)
    drawn = [practice(grid, rng) for _ in range(200)]
    assert any(len(windows) == len(grid.windows) for windows in drawn)
    assert any(not grid.windows[i].has_content for windows in drawn for i in windows)
    assert any(windows and not grid.pixel_mask(windows).any() for windows in drawn)


def test_training_stops_early_and_keeps_the_best():
    """A network that gets worse on held-out photos from the first step on is left as it was."""
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(network.weight)
    curve = train(
        network,
        lambda _: (network.weight - 1).square().sum(),
        lambda: float(network.weight.detach().abs()),
        steps=100,
        rate=0.1,
        seed=0,
    )
    assert len(curve) < 20
    assert float(network.weight.detach()) == pytest.approx(curve[0, 2])
