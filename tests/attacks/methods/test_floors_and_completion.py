"""Floors, the ceiling and inpainting."""

import numpy as np
import pytest

from attacks import ATTACKS, Knowledge, PublicExample
from attacks.features.canvas import Canvas
from attacks.features.completion import Completion, shrunk
from attacks.features.public_examples import mean_colour
from framework.models.build import PIXEL_MEAN
from tests.attacks.conftest import FILES, photo, psnr

DRIFT = {"telea": 15}
"""Grey levels by which OpenCV's fast marching drifts off a flat colour on its way."""
INPAINTING = [
    name for name, part in ATTACKS.items() if part.kind == "inpainting" and name not in FILES
]
every_inpainting = pytest.mark.parametrize("name", INPAINTING)


def test_mean_colour_is_the_mean_of_all_public_pixels(fitted, knowledge, observe, target):
    pixels = np.concatenate([e.frame.reshape(-1, 3) for e in knowledge().public])
    picture = fitted["mean_colour"].reconstruct(observe(target))
    assert (picture == np.rint(pixels.mean(axis=0))).all()


def test_mean_colour_without_photos_is_sams():
    assert np.allclose(mean_colour(()), PIXEL_MEAN)


def test_floors_do_not_look_at_the_target(fitted, observe, target):
    seen = observe(target)
    other = observe(255 - target)
    for name in ("mean_colour", "dataset_mean"):
        attack = fitted[name]
        assert np.array_equal(attack.reconstruct(seen), attack.reconstruct(other))


def test_dataset_mean_of_one_photo_is_that_photo(sam, observe):
    frame = photo("rocket")
    attack = ATTACKS.get("dataset_mean")()
    attack.fit(Knowledge(sam, [PublicExample(frame, observe(frame))]))
    assert psnr(frame, attack.reconstruct(observe(frame))) > 25


@pytest.mark.parametrize("name", ["rocket", "page"])
def test_nearest_public_finds_the_photo_by_a_part_of_it(name, fitted, observe):
    frame = photo(name)
    picture = fitted["nearest_public"].reconstruct(observe(frame).restrict([1]))
    assert np.array_equal(picture, frame)


def test_ceiling_is_the_picture(fitted, observe, target):
    seen = observe(target, plan="centralized", payload="pixels")
    assert np.array_equal(fitted["ceiling"].reconstruct(seen), target)


@every_inpainting
@pytest.mark.parametrize("shards", [(0,), (0, 1, 3)])
def test_known_pixels_are_kept(name, shards, fitted, observe, target):
    seen = observe(target, payload="pixels").restrict(shards)
    visible = seen.grid.pixel_mask(seen.visible)
    picture = fitted[name].reconstruct(seen)
    assert np.array_equal(picture[visible], target[visible])


@every_inpainting
def test_everything_known_is_kept(name, fitted, observe, target):
    picture = fitted[name].reconstruct(observe(target, payload="pixels"))
    assert np.array_equal(picture, target)


@every_inpainting
def test_nothing_known_gives_the_mean_colour(name, fitted, observe, target):
    nothing = observe(target).restrict(())
    floor = fitted["mean_colour"].reconstruct(nothing)
    assert np.array_equal(fitted[name].reconstruct(nothing), floor)


@every_inpainting
def test_a_flat_picture_is_restored(name, fitted, observe):
    frame = np.full((256, 200, 3), (200, 90, 30), dtype=np.uint8)
    seen = observe(frame, payload="pixels").restrict([0])
    assert np.abs(fitted[name].reconstruct(seen).astype(int) - frame).max() <= DRIFT.get(name, 1)


@every_inpainting
def test_a_smooth_picture_is_restored_better_than_by_its_colour(name, fitted, observe):
    rows, columns = np.mgrid[:256, :200]
    frame = np.stack([rows * 0.9, columns, 255 - rows * 0.7], axis=-1).astype(np.uint8)
    seen = observe(frame, payload="pixels").restrict([0, 1])
    hidden = ~seen.grid.pixel_mask(seen.visible)
    flat = fitted["pseudo_inverse"].reconstruct(seen)
    assert psnr(frame, fitted[name].reconstruct(seen), hidden) > psnr(frame, flat, hidden) + 3


@pytest.mark.parametrize("name", [name for name in INPAINTING if not name.startswith("flow_")])
@pytest.mark.parametrize("size", [(40, 256), (256, 33), (57, 61)])
def test_odd_shapes_and_few_known_pixels(name, size):
    attack = ATTACKS.get(name)()
    assert isinstance(attack, Completion)
    known = np.zeros(size, dtype=bool)
    known[0, 0] = True
    pixels = np.where(known[..., None], np.float32(120), np.float32(0)).repeat(3, axis=2)
    filled = attack.fill(Canvas(pixels, known))
    assert np.abs(np.broadcast_to(filled, (*size, 3)) - 120).max() <= DRIFT.get(name, 1)


def test_shrinking_ignores_what_is_unknown():
    pixels = np.full((64, 48, 3), 200, dtype=np.float32)
    known = np.zeros((64, 48), dtype=bool)
    known[:30, :20] = True
    pixels[~known] = 0
    small = shrunk(Canvas(pixels, known), 16)
    assert small.known.shape == (16, 12)
    assert np.allclose(small.pixels[small.known], 200)


def test_canvas_refuses_values_out_of_range():
    with pytest.raises(AssertionError):
        Canvas(np.full((2, 2, 3), 300, dtype=np.float32), np.ones((2, 2), dtype=bool))
