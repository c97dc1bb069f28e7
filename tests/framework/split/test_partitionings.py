"""The policies `spaced`, `leakage_aware` and its opposite, and padding kept on the edge."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from framework import DistributedSamPredictor, LocalShards, PedbenchError
from framework.split.policies import POLICIES
from framework.split.policies.base import PADDING_LOCAL, Policy
from framework.split.policies.leakage_aware import (
    best_sets,
    correlation_length,
    predicted,
    window_correlation,
)
from framework.split.windows import WindowGrid
from framework.transport.round import HOME
from tests.framework.support import message_of

SQUARE = WindowGrid(256, 8, 7, (256, 256))
WIDE = WindowGrid(256, 8, 7, (150, 256))


def sets_of(policy: Policy, grid: WindowGrid, n_shards: int) -> list[list[int]]:
    owners = policy.assign(grid, n_shards)
    return [[i for i in grid.content if owners[i] == shard] for shard in range(n_shards)]


def told(name: str, grid: WindowGrid, n_shards: int, seed: int = 0) -> float:
    """What all shards together predict of the windows that each lacks."""
    places = tuple((window.row, window.col) for window in grid.windows)
    correlation = window_correlation(places, correlation_length())
    sets = sets_of(POLICIES.get(name)(seed), grid, n_shards)
    return float(sum(predicted(np.array(held), correlation) for held in sets))


@pytest.mark.parametrize("n_shards", [2, 4, 9])
def test_leakage_aware_tells_less_than_every_other_policy_and_its_opposite_more(n_shards):
    others = [told(name, SQUARE, n_shards) for name in ("random", "strided", "dispersed", "spaced")]
    assert told("leakage_aware", SQUARE, n_shards) < min(others)
    assert told("leakage_prone", SQUARE, n_shards) >= max(others) - 1e-6


@pytest.mark.parametrize("name", ["leakage_aware", "leakage_prone"])
@pytest.mark.parametrize("n_shards", [1, 4, 25])
def test_loads_are_even(name, n_shards):
    owners = POLICIES.get(name)(3).assign(WIDE, n_shards)
    for held in (owners, [owners[i] for i in WIDE.content]):
        load = np.bincount(held, minlength=n_shards)
        assert load.max() - load.min() <= 1


def test_the_key_decides_which_shard_gets_which_set():
    dealt = [sets_of(POLICIES.get("leakage_aware")(seed), SQUARE, 4) for seed in (1, 1, 2)]
    assert dealt[0] == dealt[1] != dealt[2]
    assert sorted(map(sorted, dealt[0])) == sorted(map(sorted, dealt[2]))


def test_the_sets_cannot_be_bettered_by_a_swap():
    places = tuple((window.row, window.col) for window in WIDE.windows if window.has_content)
    correlation = window_correlation(places, correlation_length())
    sets = [np.array(held) for held in best_sets(places, 4, 1)]
    for a, b in combinations(range(4), 2):
        before = predicted(sets[a], correlation) + predicted(sets[b], correlation)
        for i in range(len(sets[a])):
            for j in range(len(sets[b])):
                one, other = sets[a].copy(), sets[b].copy()
                one[i], other[j] = sets[b][j], sets[a][i]
                after = predicted(one, correlation) + predicted(other, correlation)
                assert after >= before - 1e-6


def test_prediction_equals_kriging_window_by_window():
    places = tuple((row, col) for row in range(3) for col in range(3))
    correlation = window_correlation(places, 0.7)
    held, total = [0, 4, 5], 0.0
    for lacking in set(range(9)) - set(held):
        row = correlation[lacking, held]
        total += row @ np.linalg.inv(correlation[np.ix_(held, held)]) @ row
    assert predicted(np.array(held), correlation) == pytest.approx(total)


def test_the_correlation_length_is_that_of_the_photos():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)
    smooth = np.repeat(np.linspace(0, 255, 300).astype(np.uint8)[None, :, None], 200, axis=0)
    lengths = [correlation_length(p) for p in ([noise], None, [np.repeat(smooth, 3, axis=2)])]
    assert lengths == sorted(lengths)
    assert 0.3 < lengths[1] < 2


def test_the_side_of_clusters_follows_the_name():
    by_name, by_side = POLICIES.get("spaced:3")(), POLICIES.get("spaced")(side=3)
    assert sets_of(by_name, SQUARE, 4) == sets_of(by_side, SQUARE, 4)
    strided = sets_of(POLICIES.get("strided")(), SQUARE, 4)
    assert sets_of(POLICIES.get("spaced:1")(), SQUARE, 4) == strided
    for wrong in ("spaced:0", "spaced:x", "spaced:2:2"):
        with pytest.raises(PedbenchError, match="give spaced:SIDE"):
            POLICIES.get(wrong)


def test_clusters_of_spaced_are_squares_far_apart():
    (first, *_) = sets_of(POLICIES.get("spaced")(), SQUARE, 4)
    windows = [SQUARE.windows[i] for i in first]
    squares = {(window.row // 2, window.col // 2) for window in windows}
    touching = [abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in combinations(sorted(squares), 2)]
    assert len(squares) < len(windows)
    assert min(touching) > 1


@pytest.mark.parametrize("name", ["random", "contiguous", "sticky", "leakage_aware"])
def test_padding_stays_on_the_edge_under_any_policy(name):
    policy = POLICIES.get(name + PADDING_LOCAL)(1)
    owners = policy.assign(WIDE, 4)
    plain = POLICIES.get(name)(1).assign(WIDE, 4)
    padding = {window.index for window in WIDE.windows if not window.has_content}
    assert padding
    assert {i for i, owner in enumerate(owners) if owner == HOME} == padding
    assert [owners[i] for i in WIDE.content] == [plain[i] for i in WIDE.content]
    assert isinstance(policy, POLICIES.get(name))


def test_padding_on_the_edge_is_exact_and_sends_less(sam, photos, stock_embedding):
    sent = {}
    for policy in ("strided", "strided" + PADDING_LOCAL):
        predictor = DistributedSamPredictor(sam, LocalShards(4), policy=policy)
        predictor.set_image(photos["landscape"])
        sent[policy] = predictor.traffic.bytes_up
        error = (predictor.features - stock_embedding("landscape")).abs().max().item()
        assert error < 2e-5
    assert sent["strided" + PADDING_LOCAL] < sent["strided"]


def test_only_known_policies_keep_padding():
    assert "did you mean 'sticky'" in message_of(lambda: POLICIES.get("stiky" + PADDING_LOCAL))
    assert not any(PADDING_LOCAL in name for name in POLICIES.names())
