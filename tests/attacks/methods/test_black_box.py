"""White box, black box and query-free: who knows what, and what a public model is worth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from attacks import ATTACKS, Knowledge, PublicExample
from attacks.base import Unlearnable
from attacks.features.public_examples import observe
from attacks.query_free.public_model import published_substitute, reordered, same_edge, substitute
from attacks.solvers.alignment import STAY, Gaussian, adjust, divergence, sum_moments, transport
from attacks.solvers.blind_identification import Signals, centred, unmixing
from attacks.solvers.discriminator import fool_discriminator
from attacks.solvers.mean_discrepancy import discrepancy, match_kernels, median_distance
from attacks.solvers.ridge import LinearMap, solve
from attacks.solvers.whitened_map import one_after_another
from attacks.threat_models.base import THREATS, ThreatModel, unsupported_reason
from framework import PedbenchError, build_sam
from tests.attacks.conftest import PUBLIC, photo, psnr
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
        ("mmd_aligned_decoder", "query_free", None),
        ("mmd_aligned_decoder", "black_box", "name a query-free threat model"),
        ("adversarial_aligned_decoder", "query_free", None),
        ("adversarial_aligned_decoder", "black_box", "name a query-free threat model"),
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
    assert divergence(source, target) > 1
    assert divergence(moved, target) == pytest.approx(0, abs=1e-5)
    assert np.allclose(transport(source, source).matrix, np.eye(5))


def test_the_divergence_of_gaussians_is_the_known_one():
    wide = Gaussian(np.array([0.0, 3.0]), np.diag([4.0, 1.0]))
    narrow = Gaussian(np.zeros(2), np.diag([1.0, 1.0]))
    known = (4 + 1 - 2 + 3.0**2 - np.log(4)) / 2
    assert divergence(wide, narrow) == pytest.approx(known, abs=1e-4)
    assert divergence(narrow, wide) != pytest.approx(known, abs=1e-4)


def photos(seed, count=8):
    """Patches of some photos, unlike in brightness, their channels correlated."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(5).normal(size=(6, 6))
    return [rng.normal(rng.normal(scale=0.2), 1, size=(3000, 6)) @ mix for _ in range(count)]


def read(patches, embedding, found, examples):
    """The relative error of patches read through an adjustment."""
    fit = solve(sum_moments(examples), found.noise)
    moved = found.move.mean_y + (patches @ embedding - found.move.mean_x) @ found.move.matrix
    missed = fit.mean_y + (moved - fit.mean_x) @ fit.matrix - patches
    return (missed**2).sum() / (patches**2).sum()


@pytest.mark.parametrize("change", [0.0, 1.0])
def test_a_model_scaled_channel_by_channel_is_read_all_the_same(change):
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(6, 6))
    other = embedding * np.exp(change * rng.normal(size=6))
    examples = [(y @ embedding, y) for y in photos(1)]
    found = adjust([y @ other for y in photos(2)], examples)
    fresh = np.concatenate(photos(3, 2))
    assert read(fresh, other, found, examples) < 0.05
    plain = adjust([y @ other for y in photos(2)], examples, (STAY,))
    if change:
        assert read(fresh, other, plain, examples) > 0.2


def test_the_discrepancy_tells_shapes_apart_that_share_their_moments():
    draw = torch.Generator().manual_seed(0)
    normal, other = (torch.randn(600, 2, generator=draw) for _ in range(2))
    corners = torch.sign(torch.randn(600, 2, generator=draw))
    unit = median_distance(normal, other)
    assert discrepancy(normal, other, unit) < 0.01
    assert discrepancy(normal, corners, unit) > 3 * discrepancy(normal, other, unit)
    assert discrepancy(normal, normal, unit) == pytest.approx(0, abs=1e-6)


def test_descent_on_kernel_means_finds_scales_and_a_shift():
    rng = np.random.default_rng(0)
    target = [rng.gamma(2.0, size=(3000, 3)) for _ in range(2)]
    scale, shift = np.array([1.3, 0.8, 1.1]), np.array([0.5, -0.3, 0.0])
    source = [rng.gamma(2.0, size=(3000, 3)) * scale + shift for _ in range(2)]
    found = match_kernels(source, target)
    fresh = rng.gamma(2.0, size=(500, 3))
    moved = found.mean_y + (fresh * scale + shift - found.mean_x) @ found.matrix
    before = np.abs(fresh * scale + shift - fresh).mean()
    assert np.abs(moved - fresh).mean() < 0.6 * before


def test_a_discriminator_sees_a_turn_that_moments_cannot_tell():
    rng = np.random.default_rng(0)
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])

    def corners() -> np.ndarray:
        return np.sign(rng.normal(size=(3000, 2))) + 0.1 * rng.normal(size=(3000, 2))

    source, target, fresh = [corners() @ turn], [corners()], corners()
    missed = {}
    for way, found in {
        "transport": transport(Gaussian.of(source), Gaussian.of(target)),
        "game": fool_discriminator(source, target, rate=1e-3),
    }.items():
        moved = found.mean_y + (fresh @ turn - found.mean_x) @ found.matrix
        missed[way] = np.abs(moved - fresh).mean()
    assert missed["transport"] > 0.3
    assert missed["game"] < 0.3 * missed["transport"]


def test_maps_one_after_another():
    rng = np.random.default_rng(0)
    first, second = (
        LinearMap(rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)) for _ in range(2)
    )
    start = moved = rng.normal(size=(5, 3))
    for part in (first, second):
        moved = part.mean_y + (moved - part.mean_x) @ part.matrix
    found = one_after_another(first, second)
    np.testing.assert_allclose(found.mean_y + (start - found.mean_x) @ found.matrix, moved)


def test_noise_stands_for_a_small_difference_of_ill_conditioned_models():
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(6, 6)))[0] for _ in range(2))
    embedding = left @ np.diag(np.logspace(0, -4, 6)) @ right
    other = embedding + 0.01 * rng.normal(size=(6, 6))
    examples = [(y @ embedding, y) for y in photos(1)]
    found = adjust([y @ other for y in photos(2)], examples, (STAY,))
    fresh = np.concatenate(photos(3, 2))
    assert found.noise > 1e-6
    blown_up = read(fresh, other, replace(found, noise=1e-10), examples)
    assert read(fresh, other, found, examples) < blown_up / 100
    same = adjust([y @ embedding for y in photos(2)], examples, (STAY,))
    assert same.noise < found.noise


def test_a_lone_photo_on_each_side_suffices():
    (y,), (other,) = photos(1, 1), photos(2, 1)
    found = adjust([other], [(y, y)], (STAY,))
    assert read(other, np.eye(6), found, [(y, y)]) < 0.05


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


def test_moment_matching_refuses_tokens_of_another_width():
    known = Knowledge(None, [example("coins")], "cpu", None, [example("page").observation])
    with pytest.raises(Unlearnable, match="as wide as a patch"):
        ATTACKS.get("moment_matching")().fit(known)
    with pytest.raises(Unlearnable, match="strangers sent"):
        ATTACKS.get("moment_matching")().fit(replace(known, overheard=()))


def test_where_there_is_no_public_model_the_reason_is_told():
    with pytest.raises(PedbenchError, match="no public model can stand in for 'toy'"):
        published_substitute(toy())


@pytest.fixture(scope="module")
def attacked():
    """A model whose embedding is the substitute's with channels scaled and shifted."""
    torch.manual_seed(0)
    target = build_sam("tiny", "random")
    embedding = target.image_encoder.patch_embed.proj
    scale = torch.empty(len(embedding.weight)).uniform_(0.5, 2.0)
    embedding.weight.copy_(embedding.weight * scale[:, None, None, None])
    embedding.bias.copy_(embedding.bias * scale + 0.2)
    return target


def public(sam, *names, payload="float32"):
    seen = [observe(sam, photo(name), "prefix", payload) for name in names]
    return [PublicExample(e.frame, e.observation.at_stages([0])) for e in seen]


@pytest.fixture(scope="module")
def query_free(sam, attacked):
    overheard = [e.observation for e in public(attacked, *PUBLIC[3:], "coffee", "rocket")]
    return Knowledge(None, public(sam, *PUBLIC[:4]), "cpu", sam, overheard)


def score(name, knowledge, model, **settings):
    attack = ATTACKS.get(name)(**settings)
    attack.fit(knowledge)
    (example,) = public(model, "astronaut")
    return psnr(example.frame, attack.reconstruct(example.observation))


@pytest.mark.slow
def test_alignment_mends_what_the_substitute_gets_wrong(attacked, query_free):
    plain = score("substitute_ridge", query_free, attacked)
    aligned = score("aligned_decoder", query_free, attacked, steps=1)
    assert aligned > plain + 2
    assert aligned > score("mean_colour", query_free, attacked) + 2


@pytest.mark.slow
def test_a_substitute_that_is_right_is_nearly_as_good_as_the_weights(sam, query_free):
    known = replace(
        query_free, overheard=[e.observation for e in public(sam, "coffee", "page", "rocket")]
    )
    best = score("ridge", Knowledge(sam, query_free.public), sam)
    floor = score("mean_colour", known, sam)
    assert score("substitute_ridge", known, sam) > floor + (best - floor) / 2


def test_without_a_substitute_the_attack_says_so(sam, query_free):
    with pytest.raises(PedbenchError, match="learns from a substitute model"):
        score("substitute_ridge", replace(query_free, substitute=None), sam)
    with pytest.raises(Unlearnable, match="at least one of their observations"):
        score("aligned_decoder", replace(query_free, overheard=()), sam, steps=1)


def test_pixels_need_no_model(sam, attacked):
    own = public(sam, *PUBLIC[:3], payload="pixels")
    attack = ATTACKS.get("aligned_decoder")(steps=1)
    attack.fit(Knowledge(None, own, "cpu", sam, ()))
    (copied,) = public(attacked, "astronaut", payload="pixels")
    assert psnr(copied.frame, attack.reconstruct(copied.observation)) > 40
