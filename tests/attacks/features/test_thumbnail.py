"""The linear thumbnail of a whole picture, against known answers."""

import numpy as np

from attacks.features.thumbnail import FEWEST, SIDE, Thumbnails
from framework.split.windows import WindowGrid

GRID = WindowGrid(64, 8, 3, (40, 64))


def problem(count, noise=0.0):
    """Photos, and inputs of their windows that hold the thumbnail linearly in window 8 alone."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    photos = list(small.repeat(2, axis=1).repeat(2, axis=2))
    inputs = rng.normal(size=(count, 9, 60)).astype(np.float32)
    mixing = rng.normal(size=(SIDE * SIDE * 3, 60)) / 50
    inputs[:, 8] = small.reshape(count, -1) @ mixing + noise * rng.normal(size=(count, 60))
    return list(inputs), photos, small


def test_the_window_that_knows_tells():
    inputs, photos, small = problem(120)
    fitted, _ = Thumbnails.fit(inputs[:100], photos[:100], [GRID] * 100)
    found = fitted.estimates(inputs[110], GRID)[8]
    assert np.abs(found - small[110].ravel()).max() < 5
    slots = fitted.slots(GRID)
    assert fitted.weight[slots[8]] > 100 * fitted.weight[slots[0]]


def test_an_estimate_that_leaves_a_photo_out_is_what_others_alone_say():
    """The closed form against a fit without the photo, at nearly the same strength."""
    inputs, photos, _ = problem(90, noise=0.5)
    _, left_out = Thumbnails.fit(inputs, photos, [GRID] * 90)
    others, _ = Thumbnails.fit(inputs[1:], photos[1:], [GRID] * 89)
    expected = others.estimates(inputs[0], GRID)
    assert np.abs(left_out[0][8] - expected[8]).mean() < 5


def test_too_few_photos_say_nothing():
    inputs, photos, _ = problem(FEWEST - 1)
    fitted, _ = Thumbnails.fit(inputs, photos, [GRID] * len(photos))
    assert fitted.picture(fitted.estimates(inputs[0], GRID), [8], GRID) is None


def test_pictures_and_state():
    inputs, photos, _ = problem(40)
    fitted, _ = Thumbnails.fit(inputs, photos, [GRID] * 40)
    again = Thumbnails.load(fitted.state())
    said = again.estimates(inputs[0], GRID)
    assert np.array_equal(said, fitted.estimates(inputs[0], GRID))
    assert again.picture(said, [8, 2], GRID).shape == (40, 64, 3)
    assert again.picture(said, [], GRID) is None
