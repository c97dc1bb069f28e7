"""A malicious shard: its answers arrive, aim where they should, and spot checks find them out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attacks.analyses.active_shard.craft import GlobalBlock, craft, honest_map
from attacks.analyses.active_shard.decode import ProbeDecoder, WholeDecoder, cell_psnr, explained
from attacks.analyses.active_shard.probes import Probes
from attacks.analyses.active_shard.shards import CraftingShards
from framework.split.edge import DistributedEncoder
from framework.split.windows import WindowGrid
from tests.attacks.conftest import photo
from tests.attacks.toy import TOY, toy

GRID = WindowGrid.of(TOY, (64, 64))
HELD = (0, 4)


@pytest.fixture(scope="module")
def probes():
    return Probes.aim(GRID, HELD, side=2)


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 64, 96)).astype(np.float32)


def frame(name):
    return np.ascontiguousarray(photo(name)[:64, :64])


def encoder(crafted, **options):
    return DistributedEncoder(
        toy(), CraftingShards(3, 1, crafted, **options), policy="contiguous", seed=0
    )


def test_probes_stand_in_windows_held_and_aim_at_hidden_cells(probes):
    held = {int(t) for t in probes.tokens}
    assert len(held) == sum(GRID.windows[w].height * GRID.windows[w].width for w in HELD)
    assert not held & set(probes.cells.ravel().tolist())
    counts = np.bincount(probes.aims, minlength=len(probes.cells))
    assert counts.max() - counts.min() <= 1


def test_windows_and_back(probes):
    values = np.random.default_rng(1).normal(size=(len(probes.tokens), 5)).astype(np.float32)
    windows = probes.shaped(values, GRID)
    assert {w: t.shape[:2] for w, t in windows.items()} == {
        w: (GRID.windows[w].height, GRID.windows[w].width) for w in HELD
    }
    assert np.array_equal(probes.read(windows, GRID), values)


def test_colours_are_means_of_the_pixels(probes):
    picture = frame("astronaut")
    token = probes.cells[3, 0]
    y, x = 8 * (token // 8), 8 * (token % 8)
    expected = picture[y : y + 16, x : x + 16].mean(axis=(0, 1))
    assert np.allclose(probes.colours(picture, GRID)[3], expected, atol=1e-3)


def test_attention_is_that_of_the_block(probes, maps):
    """The probes' attention, applied to values, is what the block's own attention gives."""
    block = GlobalBlock(toy(), 1)
    crafted = torch.as_tensor(maps[1][probes.tokens])
    places = torch.as_tensor(probes.tokens)
    whole = torch.as_tensor(maps[:1]).clone()
    whole[0, places] = crafted
    attention = block.looks(crafted, places, torch.as_tensor(maps[:1])).exp()
    values = block._heads(whole, 2)
    mixed = (attention @ values).transpose(1, 2).flatten(2)
    own = toy().image_encoder.blocks[1]
    found = own.attn(own.norm1(whole.unflatten(1, (8, 8)))).flatten(1, 2)[:, places]
    assert torch.allclose(own.attn.proj(mixed), found, atol=1e-4)


def test_crafting_draws_attention_to_the_cells(probes, maps):
    directions, losses = craft(GlobalBlock(toy(), 1), probes, maps, steps=30)
    assert np.allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-5)
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_crafted_answers_arrive_and_come_back_mixed():
    picture = frame("coffee")
    honest = encoder({})
    honest(picture)
    held = honest.observation().restrict([1]).visible
    crafted = {w: np.full((*_size(w), 96), 0.5, np.float32) for w in held}
    lying = encoder({0: crafted})
    lying(picture)
    for message in lying.observation().messages:
        if message.round == 0:
            is_crafted = bool((message.returned.decode() == 0.5).all())
            assert is_crafted == (message.shard == 1)
    before, after = (e.observation().tokens(2) for e in (honest, lying))
    assert all(not np.allclose(before[w], after[w]) for w in before)


def test_what_comes_back_is_what_an_exchange_brings():
    """The attacker's own arithmetic, without an edge, gives what the deployment sends."""
    picture = frame("coffee")
    held = [w for w, owner in enumerate(encoder({}).policy.assign(GRID, 3)) if owner == 1]
    probes = Probes.aim(GRID, held, side=1)
    crafted = np.random.default_rng(3).normal(size=(len(probes.tokens), 96)).astype(np.float32)
    maps, places = torch.as_tensor(honest_map(toy(), picture))[None], torch.as_tensor(probes.tokens)
    for answers in (None, crafted):
        lies = {} if answers is None else {0: probes.shaped(answers, GRID)}
        lying = encoder(lies)
        lying(picture)
        expected = probes.read(lying.observation().restrict([1]).tokens(2), GRID)
        tensor = None if answers is None else torch.as_tensor(answers)
        found = GlobalBlock(toy(), 1).received(maps, places, tensor)[0]
        assert np.allclose(found, expected, atol=1e-4)


def test_a_spot_check_finds_it_out():
    held = range(9)
    crafted = {w: np.zeros((*_size(w), 96), np.float32) for w in held}
    lying, honest = encoder({0: crafted}, spot_checks=1.0), encoder({})
    picture = frame("coffee")
    assert torch.allclose(lying(picture), honest(picture), atol=1e-5)
    assert set(lying.shards.quarantined) == {1}


def test_decoders_learn_a_linear_leak_and_nothing_from_noise(probes):
    rng = np.random.default_rng(2)
    colours = rng.uniform(0, 255, (60, len(probes.cells), 3)).astype(np.float32)
    mix = rng.normal(size=(3, 20))
    leak = (colours[:, probes.aims] @ mix).astype(np.float32)
    noise = rng.normal(size=leak.shape).astype(np.float32)
    floor = colours[:40].mean(0)
    for tokens, low, high in ((leak, 0.99, 1.0), (noise, -0.5, 0.2)):
        decoder = ProbeDecoder.fit(probes, tokens[:40], colours[:40])
        assert low <= explained(colours[40:], decoder(probes, tokens[40:]), floor) <= high
    whole = WholeDecoder(leak[:40], colours[:40])(leak[40:])
    assert explained(colours[40:], whole, floor) > 0.1
    assert cell_psnr(colours, colours) == 60


def _size(window):
    return GRID.windows[window].height, GRID.windows[window].width
