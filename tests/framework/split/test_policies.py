"""Assignment policies: complete, balanced over content, fixed or fresh as their names say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.errors import PedbenchError
from framework.models.named import architecture
from framework.split.policies import POLICIES
from framework.split.policies.base import Policy
from framework.split.windows import WindowGrid
from tests.framework.split.test_windows import frame_sizes, tiny_grid
from tests.framework.support import message_of

MASKED = "sensitive_local"
SEARCHED = ("leakage_aware", "leakage_prone")
"""Policies that take half a second for each new shape: see test_partitionings."""
SHARING = [name for name in POLICIES.names() if name not in ("one_per_shard", MASKED)]


def test_the_policies_of_the_first_issue_are_there():
    assert {"one_per_shard", "contiguous", "strided", "random", "sticky"} <= set(POLICIES.names())
    assert all(policy.summary for _, policy in POLICIES.items())


@pytest.mark.parametrize("name", [name for name in SHARING if name not in SEARCHED])
@given(frame_size=frame_sizes(), n_shards=st.integers(1, 25), request_number=st.integers(0, 9))
def test_every_window_has_an_owner_and_loads_are_even(name, frame_size, n_shards, request_number):
    grid = tiny_grid(frame_size)
    owners = POLICIES.get(name)(seed=1).assign(grid, n_shards, request_number)
    assert len(owners) == 25
    assert set(owners) <= set(range(n_shards))
    bearing = [owners[i] for i in grid.content]
    for load in (np.bincount(bearing, minlength=n_shards), np.bincount(owners, minlength=n_shards)):
        assert load.max() - load.min() <= 1


@given(frame_size=frame_sizes())
def test_one_per_shard_is_a_permutation(frame_size):
    owners = POLICIES.get("one_per_shard")().assign(tiny_grid(frame_size), 25)
    assert sorted(owners) == list(range(25))


@pytest.mark.parametrize("n_shards", [1, 24, 26])
def test_one_per_shard_needs_as_many_shards_as_windows(n_shards):
    policy = POLICIES.get("one_per_shard")()
    text = message_of(lambda: policy.assign(tiny_grid(), n_shards))
    assert "needs 25 shards" in text
    assert "give --n-shards 25" in text


@pytest.mark.parametrize("name", SHARING)
@pytest.mark.parametrize("n_shards", [0, 26])
def test_too_few_or_too_many_shards(name, n_shards):
    policy = POLICIES.get(name)()
    assert "give 1 to 25 shards" in message_of(lambda: policy.assign(tiny_grid(), n_shards))


@pytest.mark.parametrize("name", [n for n in SHARING if n != "random"])
def test_fixed_policies_keep_their_assignment(name):
    policy = POLICIES.get(name)(seed=3)
    assert len({policy.assign(tiny_grid(), 4, request) for request in range(5)}) == 1


def test_random_is_fresh_for_each_request():
    policy = POLICIES.get("random")(seed=3)
    assert len({policy.assign(tiny_grid(), 4, request) for request in range(5)}) == 5


def test_a_policy_for_a_mask_needs_one():
    assert "needs a mask" in message_of(lambda: POLICIES.get(MASKED)(seed=1))
    nothing = POLICIES.get(MASKED)(1, np.zeros((256, 256), bool))
    assert nothing.assign(tiny_grid(), 4) == POLICIES.get("sticky")(1).assign(tiny_grid(), 4)


@pytest.mark.parametrize("name", [name for name in POLICIES.names() if name != MASKED])
def test_seeds_reproduce(name):
    first, second = (POLICIES.get(name)(seed=7).assign(tiny_grid(), 25, 2) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["random", "sticky"])
def test_secrets_differ_between_sessions(name):
    assert len({POLICIES.get(name)().assign(tiny_grid(), 25) for _ in range(3)}) == 3
    assert len({POLICIES.get(name)(seed=s).assign(tiny_grid(), 25) for s in range(3)}) == 3


def test_contiguous_follows_rows():
    owners = POLICIES.get("contiguous")().assign(tiny_grid(), 5)
    assert owners == tuple(i // 5 for i in range(25))


@pytest.mark.parametrize("n_shards", [2, 4, 5, 9])
def test_strided_separates_neighbours_better_than_contiguous(n_shards):
    def neighbours_together(name: str) -> int:
        owners = np.reshape(POLICIES.get(name)().assign(tiny_grid(), n_shards), (5, 5))
        return int((owners[:, 1:] == owners[:, :-1]).sum() + (owners[1:] == owners[:-1]).sum())

    assert neighbours_together("strided") < neighbours_together("contiguous") / 2


def test_a_quarter_of_the_shards_sees_about_a_quarter_of_a_landscape():
    grid = WindowGrid.of(architecture("vit_b"), (683, 1024))
    owners = POLICIES.get("strided")().assign(grid, 4)
    for shard in range(4):
        mine = [i for i, owner in enumerate(owners) if owner == shard]
        assert 0.1 < grid.pixel_mask(mine).mean() < 0.4


def test_unknown_policy():
    assert "did you mean 'strided'" in message_of(lambda: POLICIES.get("stride"))


@pytest.mark.parametrize("ordered", [None, [0, 1], "cleared"], ids=["none", "numbers", "cleared"])
def test_a_policy_that_orders_nothing_is_named(ordered):
    class Broken(Policy):
        def order(self, windows, n_shards, rng):
            if ordered == "cleared":
                windows.clear()
                return []
            return ordered

    with pytest.raises(PedbenchError, match="return each of them once"):
        Broken(0).assign(tiny_grid((192, 256)), 2)


def test_a_policy_may_shuffle_the_list_that_it_gets():
    class Shuffled(Policy):
        def order(self, windows, n_shards, rng):
            rng.shuffle(windows)
            return windows

    assert set(Shuffled(0).assign(tiny_grid((192, 256)), 2)) == {0, 1}
