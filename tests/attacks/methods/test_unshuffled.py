"""Shuffled tokens are put back in order by the position embedding that they carry."""

from functools import cache

import numpy as np
import pytest

from attacks import ATTACKS, Knowledge, PublicExample
from framework import DistributedEncoder, LocalShards, build_sam
from framework.split.defences import make_defence
from tests.attacks.conftest import PUBLIC, photo, psnr


@cache
def shipped():
    return build_sam("tiny")


def observed(name, strength):
    defence = make_defence("shuffle_tokens", strength) if strength else "none"
    encoder = DistributedEncoder(shipped(), LocalShards(1), plan="prefix", defence=defence, seed=3)
    frame = photo(name)
    encoder(frame)
    return PublicExample(frame, encoder.observation())


@cache
def attacker(name, strength=1.0):
    attack = ATTACKS.get(name)()
    attack.fit(Knowledge(shipped(), [observed(public, strength) for public in PUBLIC]))
    return attack


@cache
def target(strength):
    return observed("astronaut", strength)


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_a_shuffled_picture_comes_back_in_order(strength):
    shuffled, plain = target(strength), target(0.0)
    attack = attacker("ridge_unshuffled")
    ordered = attack.ordered(shuffled.observation).tokens(0)
    right = [
        (ordered[window] == tokens).all(axis=-1).mean()
        for window, tokens in plain.observation.tokens(0).items()
        if plain.observation.grid.windows[window].has_content
    ]
    assert np.mean(right) > 0.95


@pytest.mark.slow
def test_the_picture_is_much_clearer_than_without_the_order():
    shuffled = target(1.0)
    aware = attacker("ridge_unshuffled").reconstruct(shuffled.observation)
    unaware = attacker("ridge").reconstruct(shuffled.observation)
    assert psnr(shuffled.frame, aware) > psnr(shuffled.frame, unaware) + 10


def test_the_state_is_all_that_it_learned():
    attack, seen = attacker("ridge_unshuffled"), target(1.0).observation
    twin = ATTACKS.get("ridge_unshuffled")()
    twin.load_state(attack.state())
    assert np.array_equal(twin.reconstruct(seen), attack.reconstruct(seen))
