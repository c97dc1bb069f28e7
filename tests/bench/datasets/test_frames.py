"""Scenes over time, and what of them is seen."""

import numpy as np
import pytest

from bench.datasets import Sample
from bench.datasets.motion import MOTIONS, film
from bench.runner.evaluation.frame_sequence import FrameSequence, exposure_scores
from framework.split.observation import Observation, WindowMessage
from framework.split.payload import encode_tokens
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid

SIZE = (192, 256)


@pytest.fixture(scope="module")
def sample():
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 60:130, 70:170] = True
    masks[1, :, :] = True
    return Sample("photo", image, masks, ("box", "all"), "scene/photo")


@pytest.mark.parametrize("motion", sorted(MOTIONS))
def test_longer_films_begin_alike_and_keep_their_size(sample, motion):
    short, long = film(sample, motion, 3, 7), film(sample, motion, 60, 7)
    for one, two in zip(short, long, strict=False):
        np.testing.assert_array_equal(one.sample.image, two.sample.image)
    assert len({frame.sample.image.shape for frame in long}) == 1
    assert {frame.sample.image_id for frame in long} == {"photo"}
    moves = not np.array_equal(long[0].sample.image, long[5].sample.image)
    assert moves is (motion != "static")
    others = film(sample, motion, 1, 8)[0].sample.image
    assert np.array_equal(others, short[0].sample.image) is (motion == "static")


@pytest.mark.parametrize("motion", ["pan", "object"])
def test_objects_are_where_their_places_say(sample, motion):
    frames = film(sample, motion, 12, 3)
    name = "box" if motion == "pan" else "moving"
    first, last = frames[0], frames[-1]
    shift = last.places[name]
    assert shift != (0, 0)
    one = first.sample.masks[first.sample.mask_ids.index(name)]
    two = last.sample.masks[last.sample.mask_ids.index(name)]
    moved = np.roll(one, shift, axis=(0, 1))
    inside = np.zeros_like(one)
    y, x = (slice(max(0, d), min(0, d) or None) for d in shift)
    inside[y, x] = True
    np.testing.assert_array_equal(moved[inside], two[inside])


def watched(frames, policy, n_shards, seed):
    """What shard 0 saw of frames, by a policy alone."""
    grid = WindowGrid(256, 8, 7, SIZE)
    sent = encode_tokens(np.zeros((1, 1, 2), np.float32), "float32")
    messages = [
        WindowMessage(number, 0, 0, owner, window, sent, None, True)
        for number in range(len(frames))
        for window, owner in enumerate(POLICIES.get(policy)(seed).assign(grid, n_shards, number))
    ]
    whole = Observation(
        256, 8, 7, SIZE, n_shards, tuple(range(n_shards)), "prefix", "float32", tuple(messages)
    )
    return FrameSequence(frames, frames[-1].sample.image, whole, whole), whole.restrict([0])


@pytest.mark.parametrize("count", [1, 2, 8])
def test_fresh_assignment_shows_what_the_formula_says(sample, count):
    frames = film(sample, "static", count, 0)
    scores = [exposure_scores(*watched(frames, "random", 4, seed)) for seed in range(60)]
    seen = np.mean([score["windows_seen"] for score in scores])
    assert seen == pytest.approx(scores[0]["windows_if_fresh"], abs=0.03)


def test_sticky_assignment_shows_no_more_with_time(sample):
    one = exposure_scores(*watched(film(sample, "static", 1, 0), "sticky", 4, 3))
    many = exposure_scores(*watched(film(sample, "static", 9, 0), "sticky", 4, 3))
    for name in ("windows_seen", "visible_fraction", "object_max_fraction"):
        assert one[name] == many[name]
    assert many["windows_if_fresh"] > many["windows_seen"]


def test_objects_are_followed_where_they_move(sample):
    shot, seen = watched(film(sample, "object", 20, 3), "sticky", 4, 3)
    still, seen_still = watched(shot.frames[-1:], "sticky", 4, 3)
    moving = shot.sample.mask_ids.index("moving")
    from bench.runner.evaluation.frame_sequence import _coverage

    def coverage(taken, mine):
        regions = [
            mine.grid.pixel_mask({m.window for m in mine.messages if m.frame == number})
            for number in range(len(taken.frames))
        ]
        return _coverage(taken, regions)

    many, one = coverage(shot, seen), coverage(still, seen_still)
    assert many[moving] > one[moving], "it passes through windows of the same shard"
    assert many[0] == pytest.approx(one[0], abs=0.02), "what keeps still is seen as before"


def test_until_cuts_frames_and_messages(sample):
    shot, _ = watched(film(sample, "pan", 5, 3), "random", 4, 0)
    short = shot.until(2)
    assert len(short.frames) == 2
    assert {m.frame for m in short.observation.messages} == {0, 1}
    np.testing.assert_array_equal(short.sample.image, shot.frames[1].sample.image)
