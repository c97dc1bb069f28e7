"""What messages tell beside their content."""

from __future__ import annotations

import numpy as np
import pytest

from attacks.analyses.side_channels import SIDE_CHANNELS
from attacks.analyses.side_channels.absence import Absence, centrality
from attacks.analyses.side_channels.frame_size import FrameSize
from framework import DistributedSamPredictor, LocalShards
from framework.split.defences.disguise.decoys import Decoys
from framework.split.policies.sensitive_local import SensitiveLocal
from framework.split.policies.sticky import Sticky
from tests.attacks.conftest import photo
from tests.attacks.toy import toy


def observe(sam, image, mask=None, payload="float32", decoys=0.0, n_shards=4):
    predictor = DistributedSamPredictor(
        sam,
        LocalShards(n_shards),
        plan="prefix",
        policy=Sticky(1) if mask is None else SensitiveLocal(1, mask),
        payload=payload,
        defence=Decoys(decoys),
        seed=1,
    )
    predictor.set_image(image)
    return predictor


@pytest.fixture(scope="module")
def guarded():
    image = np.ascontiguousarray(photo("coffee"))
    mask = np.zeros(image.shape[:2], dtype=bool)
    mask[10:60, 150:190] = True
    return image, mask


def home(predictor):
    real = predictor.observation(decoys=False)
    return frozenset(real.grid.content) - set(real.visible)


def test_all_shards_together_know_what_nobody_got(sam, guarded):
    predictor = observe(sam, *guarded)
    assert 0 < len(home(predictor)) < 6
    assert Absence(sam).read(predictor.observation()) == home(predictor)


def test_some_shards_know_how_much_is_missing_but_not_quite_where(sam, guarded):
    predictor = observe(sam, *guarded)
    guess = Absence(sam).read(predictor.observation().restrict([0, 1]))
    assert abs(len(guess) - len(home(predictor))) <= 2
    assert not guess & set(predictor.observation().restrict([0, 1]).visible)


def test_decoys_stand_in_the_gaps(sam, guarded):
    predictor = observe(sam, *guarded, decoys=1.0)
    guess = Absence(sam, decoys=1.0).read(predictor.observation())
    assert len(guess) == len(home(predictor))
    assert guess != home(predictor)


def test_the_middle_is_most_central(sam, guarded):
    grid = observe(sam, guarded[0]).observation().grid
    central = centrality(grid)
    best = grid.windows[max(central, key=central.__getitem__)]
    y0, x0, y1, x1 = grid.pixel_box(best)
    assert y0 <= grid.frame_size[0] / 2 <= y1
    assert x0 <= grid.frame_size[1] / 2 <= x1


@pytest.mark.slow
@pytest.mark.parametrize("payload", ["float32", "pixels"])
@pytest.mark.parametrize("cut", [slice(0, 150), slice(0, 97), slice(0, 256)])
def test_padding_gives_the_size_away(sam, payload, cut):
    for image in (photo("astronaut")[cut], photo("astronaut")[:, cut]):
        seen = observe(sam, np.ascontiguousarray(image), payload=payload).observation()
        assert FrameSize(sam).read(seen) == pytest.approx(seen.frame_size, abs=1)


def test_one_shard_gets_bounds(sam):
    image = np.ascontiguousarray(photo("astronaut")[:150])
    seen = observe(sam, image).observation()
    for shard in seen.shards:
        height, width = FrameSize(sam).read(seen.restrict([shard]))
        assert width == 256
        assert 0 < height <= 256


def test_they_are_registered():
    assert {"absence", "frame_size"} <= set(SIDE_CHANNELS.names())


def test_the_toy_serves_as_well():
    seen = observe(toy(), np.ascontiguousarray(photo("coffee")[:60]), n_shards=3).observation()
    assert FrameSize(toy()).read(seen) == pytest.approx(seen.frame_size, abs=1)
