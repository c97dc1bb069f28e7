"""Decoys are told from real windows, and thrown out before anything is reconstructed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from attacks.analyses.decoy_detection.detector import DecoyDetector
from attacks.analyses.decoy_detection.evidence import gather
from attacks.analyses.decoy_detection.practice import mixed, mixtures
from attacks.base import ATTACKS, Knowledge
from attacks.features.public_examples import observe
from attacks.features.tokens import learn_position
from attacks.methods.inversion.linear import Ridge
from tests.attacks.conftest import PUBLIC, photo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def known(sam):
    return Knowledge(sam, [observe(sam, photo(name), "prefix", "float32") for name in PUBLIC])


@pytest.fixture(scope="module")
def detector(known):
    return DecoyDetector.fit(known)


@pytest.fixture(scope="module")
def mixture(sam, known):
    """A page of text with decoys of another photo, as two of four shards see it."""
    page = photo("text")[:170]
    real = observe(sam, np.ascontiguousarray(np.resize(page, (171, 256, 3))), "prefix", "float32")
    decoy = observe(sam, photo("coffee")[:171], "prefix", "float32")
    return mixed(real.observation, decoy.observation, 4, [0, 2], 5)


def test_a_mixture_is_what_a_deployment_with_decoys_shows(mixture):
    seen, real = mixture.observation, mixture.real
    assert set(seen.shards) == {m.shard for m in seen.messages} == {0, 2}
    content = np.array([m.window in seen.grid.content for m in seen.messages])
    assert (real & content).sum() == (~real).sum() > 5
    keys = [(m.round, m.shard, m.window) for m in seen.messages]
    assert len(set(keys)) == len(keys)


def test_practice_has_both_kinds_for_each_photo(known):
    for example, made in mixtures(known, None, seed=1):
        for mixture in made:
            assert mixture.observation.frame_size == example.frame.shape[:2]
            assert len(mixture.real) == len(mixture.observation.messages)


def test_decoys_of_a_known_photo_are_found(known, mixture):
    detector = DecoyDetector.fit(known, [photo("coffee")])
    scores = detector.message_scores(mixture.observation)
    counts = ~np.isnan(scores)
    assert roc_auc_score(mixture.real[counts], scores[counts]) > 0.8


def test_company_tells_the_two_pictures_apart(detector, mixture):
    ridge, position = detector.ridge, detector.learned["position"]
    evidence = gather(mixture.observation, ridge, position)
    labels = {
        (m.frame, m.shard, m.window): real
        for m, real in zip(mixture.observation.messages, mixture.real, strict=True)
    }
    real = np.array([labels[place] for place in evidence.places])
    same = real[:, None] == real[None]
    together = evidence.pairs @ detector.learned["pairs.weights"]
    pairs = np.triu_indices(len(real), 1)
    assert np.allclose(together, together.T)
    assert roc_auc_score(same[pairs], together[pairs]) > 0.7


def test_state_is_all_it_needs(detector, mixture):
    again = DecoyDetector(detector.learned)
    assert again.scores(mixture.observation) == detector.scores(mixture.observation)


def test_cleaning_keeps_one_claim_for_each_place(detector, mixture):
    cleaned = detector.cleaned(mixture.observation)
    content = [m.window for m in cleaned.messages if m.window in cleaned.grid.content]
    assert len(set(content)) == len(content)
    assert set(cleaned.messages) <= set(mixture.observation.messages)


def test_nothing_received_is_nothing_to_tell(detector, mixture):
    empty = mixture.observation.keeping([])
    assert detector.scores(empty) == {}
    assert detector.cleaned(empty).messages == ()


def test_pixels_are_judged_as_well(sam):
    known = Knowledge(sam, [observe(sam, photo(n), "prefix", "pixels") for n in PUBLIC[:2]])
    detector = DecoyDetector.fit(known)
    scores = detector.scores(known.public[0].observation)
    assert set(scores) == {(0, 0, w) for w in known.public[0].observation.grid.content}


def test_the_twin_is_its_attack_on_what_is_left(known, mixture):
    twin, plain = ATTACKS.get("ridge_discerning")(seed=3), Ridge(seed=3)
    few = Knowledge(known.sam, known.public[:2])
    twin.fit(few)
    plain.fit(few)
    cleaned = DecoyDetector.fit(few, seed=3).cleaned(mixture.observation)
    assert np.array_equal(twin.reconstruct(mixture.observation), plain.reconstruct(cleaned))


def test_borders_count_where_windows_touch(known):
    ridge = Ridge()
    ridge.fit(known)
    seen = known.public[0].observation
    evidence = gather(seen, ridge, learn_position(known))
    touching, jump = evidence.pairs[..., 8] == 1, evidence.pairs[..., 9]
    windows = [seen.grid.windows[place[2]] for place in evidence.places]
    apart = [[abs(a.row - b.row) + abs(a.col - b.col) for b in windows] for a in windows]
    assert np.array_equal(touching, np.array(apart) == 1)
    assert (jump[~touching] == 0).all()
