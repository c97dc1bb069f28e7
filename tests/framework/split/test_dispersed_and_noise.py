"""The policy `dispersed` and the control `noise_only`."""

from itertools import combinations

import numpy as np
import pytest

from framework.split.defences import DEFENCES
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid


def nearest(policy, n_shards):
    """The least distance between two content windows of one shard."""
    grid = WindowGrid(256, 8, 7, (256, 256))
    owner = POLICIES.get(policy)(0).assign(grid, n_shards)
    return min(
        np.hypot(a.row - b.row, a.col - b.col)
        for a, b in combinations(grid.windows, 2)
        if owner[a.index] == owner[b.index]
    )


@pytest.mark.parametrize("n_shards", [2, 4, 9, 13])
def test_dispersed_is_balanced_and_no_nearer_than_strided(n_shards):
    grid = WindowGrid(256, 8, 7, (256, 256))
    owner = POLICIES.get("dispersed")(0).assign(grid, n_shards)
    loads = np.bincount(owner, minlength=n_shards)
    assert loads.sum() == len(grid.windows)
    assert loads.max() - loads.min() <= 1
    assert nearest("dispersed", n_shards) >= nearest("strided", n_shards)


def test_windows_of_one_shard_of_four_share_no_side():
    assert nearest("dispersed", 4) >= np.sqrt(2)
    assert nearest("dispersed", 9) >= 2


def test_noise_only_does_not_depend_on_the_photo():
    defence = DEFENCES.get("noise_only")(1.0)
    one, two = np.zeros((7, 7, 8), np.float32), np.full((7, 7, 8), 9, np.float32)
    sent = [defence.protect(tokens, np.random.default_rng(3)) for tokens in (one, two)]
    np.testing.assert_array_equal(*sent)
    assert sent[0].dtype == np.float32
    assert sent[0].std() == pytest.approx(1, abs=0.1)
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    pixels = [defence.protect_pixels(p, np.random.default_rng(3)) for p in (black, white)]
    np.testing.assert_array_equal(*pixels)
    assert pixels[0].dtype == np.uint8
    assert DEFENCES.get("noise_only")(0.0).protect(two, np.random.default_rng(0)) is two
