"""White box, black box and query-free: who knows what, and what a public model is worth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from attacks import ATTACKS, Knowledge, PublicExample
from attacks.alignment import Gaussian, align, distance, transport
from attacks.base import Unlearnable
from attacks.blind import Signals, centred, unmixing
from attacks.public import observe
from attacks.published import published_substitute, reordered, same_edge, substitute
from attacks.threat import THREATS, ThreatModel, unsupported_reason
from framework import PedbenchError, build_sam
from tests.attacks.conftest import PUBLIC, psnr
from tests.attacks.toy import example, toy


@pytest.mark.parametrize(
    ("attack", "threat", "reason"),
    [
        ("ridge", "black_box", None),
        ("optimise", "black_box", "weights"),
        ("substitute_ridge", "black_box", "name a query-free threat model"),
        ("substitute_ridge", "standard", "name a query-free threat model"),
        ("ridge", "query_free", "queries"),
        ("whole_image_decoder", "query_free", "queries"),
        ("whole_image_decoder_round1", "query_free", "queries"),
        ("jigsaw", "query_free", "queries"),
        ("optimise", "query_free", "weights"),
        ("ridge_prior", "query_free", None),
        ("mean_colour", "query_free", None),
        ("substitute_decoder", "query_free", None),
        ("aligned_decoder", "query_free", None),
        ("moment_matching", "query_free", None),
        ("moment_matching", "black_box", "name a query-free threat model"),
    ],
)
def test_who_can_do_what(attack, threat, reason):
    found = unsupported_reason(ATTACKS.get(attack), THREATS.get(threat))
    assert (found is None) if reason is None else (reason in found)


@pytest.mark.parametrize(
    ("means", "complaint"),
    [
        ({"public_photos": 0}, "at least 1"),
        ({"can_query": False}, "query a copy"),
    ],
)
def test_impossible_attackers_are_refused(means, complaint):
    with pytest.raises(PedbenchError, match=complaint):
        ThreatModel(**means)


def gaussian(seed, channels=5):
    rng = np.random.default_rng(seed)
    return Gaussian.of([rng.normal(size=(400, channels)) @ rng.normal(size=(channels, channels))])


def test_transport_brings_one_gaussian_to_another():
    source, target = gaussian(0), gaussian(1)
    moved = source.moved(transport(source, target))
    assert np.allclose(moved.mean, target.mean)
    assert np.allclose(moved.covariance, target.covariance)
    assert distance(source, target) > 1
    assert distance(moved, target) == pytest.approx(0, abs=1e-6)
    assert np.allclose(transport(source, source).matrix, np.eye(5))


def test_the_distance_of_gaussians_is_the_known_one():
    wide = Gaussian(np.array([0.0, 3.0]), np.diag([4.0, 1.0]))
    narrow = Gaussian(np.zeros(2), np.diag([1.0, 1.0]))
    assert distance(wide, narrow) == pytest.approx(3.0**2 + (2 - 1) ** 2)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_alignment_moves_what_was_moved_and_little_else(strength):
    rng = np.random.default_rng(0)
    mix = np.eye(4) + strength * np.triu(rng.normal(size=(4, 4)))
    photos = [rng.normal(size=(3000, 4)) for _ in range(8)]
    moved = [x @ mix + strength for x in photos[:4]]
    back = align(moved, photos[4:])
    found = np.concatenate(moved) - back.mean_x
    found = back.mean_y + found @ back.matrix
    assert Gaussian.of([found]).mean == pytest.approx(np.zeros(4), abs=0.05)
    assert np.allclose(Gaussian.of([found]).covariance, np.eye(4), atol=0.1)


def test_with_a_single_photo_nothing_is_moved():
    tokens = np.random.default_rng(0).normal(size=(10, 3))
    assert np.array_equal(align([tokens], [tokens + 1]).matrix, np.eye(3))


def test_reordering_goes_there_and_back():
    stock, adapted = build_sam("tiny", "random"), build_sam("tiny_globals_last", "random")
    there = reordered(stock, adapted.arch)
    adapted.load_state_dict(there)
    for name, value in reordered(adapted, stock.arch).items():
        assert torch.equal(value, stock.state_dict()[name])
    with pytest.raises(PedbenchError, match="of its size"):
        reordered(toy(), stock.arch)


def test_a_substitute_has_the_shards_blocks_and_its_own_edge():
    target, public = build_sam("tiny", "random"), build_sam("tiny_globals_last", "random", seed=1)
    stand_in = substitute(public, target)
    state, own = stand_in.image_encoder.state_dict(), target.image_encoder.state_dict()
    assert torch.equal(state["blocks.2.mlp.lin1.weight"], own["blocks.2.mlp.lin1.weight"])
    assert not torch.equal(state["blocks.1.mlp.lin1.weight"], own["blocks.1.mlp.lin1.weight"])
    theirs = public.image_encoder.state_dict()
    assert torch.equal(state["blocks.1.mlp.lin1.weight"], theirs["blocks.4.mlp.lin1.weight"])
    assert torch.equal(state["pos_embed"], theirs["pos_embed"])


@pytest.mark.parametrize("name", ["tiny", "tiny_globals_last"])
def test_no_model_stands_in_for_itself(name):
    target = build_sam(name)
    stand_in = published_substitute(target)
    assert not same_edge(target, stand_in.state_dict())
    assert stand_in.weights.sha256 != target.weights.sha256
    assert same_edge(target, target.state_dict())


def sources(seed, photos=20, side=42, channels=5):
    """Skewed maps, each channel smooth in its own way, mixed so that channels are correlated."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(channels, channels))
    maps = []
    for _ in range(photos):
        x = rng.exponential(size=(side, side, channels))
        along = np.linspace(-0.7, 0.7, channels)
        for i in range(1, side):
            x[i] += along * x[i - 1]
        for j in range(1, side):
            x[:, j] += along * x[:, j - 1]
        maps.append(x @ mix)
    return maps


def test_a_linear_map_is_found_from_moments_alone():
    hidden = np.random.default_rng(7).normal(size=(5, 5))
    truth, _ = centred(sources(0), (42, 42))
    mixed = Signals.of([m @ hidden for m in truth], 7)
    plain = Signals.of(centred(sources(1), (42, 42))[0], 7)
    found = unmixing(mixed, plain, seed=0)
    y = np.concatenate([m.reshape(-1, 5) for m in truth])
    missed = ((y @ hidden @ found - y) ** 2).sum() / (y**2).sum()
    assert missed < 0.1


def test_moment_matching_refuses_tokens_of_another_width(query_free):
    with pytest.raises(Unlearnable, match="as wide as a patch"):
        score("moment_matching", query_free, toy())
    with pytest.raises(Unlearnable, match="strangers sent"):
        score("moment_matching", replace(query_free, overheard=()), toy())


def test_where_there_is_no_public_model_the_reason_is_told():
    with pytest.raises(PedbenchError, match="no public model can stand in for 'toy'"):
        published_substitute(toy())


@pytest.fixture(scope="module")
def attacked():
    """A model whose embedding is the substitute's with channels scaled and shifted."""
    torch.manual_seed(0)
    target = build_sam("toy", "random")
    embedding = target.image_encoder.patch_embed.proj
    scale = torch.empty(len(embedding.weight)).uniform_(0.5, 2.0)
    embedding.weight.copy_(embedding.weight * scale[:, None, None, None])
    embedding.bias.copy_(embedding.bias * scale + 0.2)
    return target


@pytest.fixture(scope="module")
def query_free(attacked):
    own = [example(name) for name in PUBLIC[:4]]
    public = [replace(e, observation=e.observation.at_stages([0])) for e in own]
    rest = [example(name).frame for name in (*PUBLIC[3:], "coffee")]
    overheard = [observe(attacked, frame, "interleaved", "float32").observation for frame in rest]
    return Knowledge(None, public, "cpu", toy(), [seen.at_stages([0]) for seen in overheard])


def score(name, knowledge, target_model, **settings):
    attack = ATTACKS.get(name)(**settings)
    attack.fit(knowledge)
    frame = example("astronaut").frame
    seen = observe(target_model, frame, "interleaved", "float32").observation.at_stages([0])
    return psnr(frame, attack.reconstruct(seen))


def test_alignment_mends_what_the_substitute_gets_wrong(attacked, query_free):
    plain = score("substitute_decoder", query_free, attacked, steps=1)
    aligned = score("aligned_decoder", query_free, attacked, steps=1)
    nothing = score("mean_colour", query_free, attacked)
    assert aligned > plain + 2
    assert aligned > nothing + 2


def test_a_substitute_that_is_right_is_as_good_as_the_weights(query_free):
    public = query_free.public
    assert score("substitute_ridge", query_free, toy()) == pytest.approx(
        score("ridge", Knowledge(toy(), public), toy())
    )


def test_without_a_substitute_the_attack_says_so(query_free):
    with pytest.raises(PedbenchError, match="learns from a substitute model"):
        score("substitute_ridge", replace(query_free, substitute=None), toy())
    with pytest.raises(PedbenchError, match="at least one of their observations"):
        score("aligned_decoder", replace(query_free, overheard=()), toy(), steps=1)


def test_pixels_need_no_model(query_free, attacked):
    frames = [e.frame for e in query_free.public]
    seen = [observe(toy(), frame, "interleaved", "pixels").observation for frame in frames]
    public = [PublicExample(f, o.at_stages([0])) for f, o in zip(frames, seen, strict=True)]
    attack = ATTACKS.get("aligned_decoder")(steps=1)
    attack.fit(Knowledge(None, public, "cpu", toy(), ()))
    frame = example("astronaut").frame
    copied = observe(attacked, frame, "interleaved", "pixels").observation.at_stages([0])
    assert psnr(frame, attack.reconstruct(copied)) > 40
