"""Scenes that look alike are told apart only by name."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from PIL import Image

from framework.exposure import Guard, Ledger, Scene, View

PHOTO = skimage.data.chelsea()


def changed_pixel() -> np.ndarray:
    photo = PHOTO.copy()
    photo[150, 200] ^= 255
    return photo


def jpeg() -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file))


@pytest.fixture
def guard():
    guard = Guard()
    guard.recognise(View.alone(PHOTO))
    return guard


@pytest.mark.parametrize("copy", [changed_pixel, jpeg, lambda: PHOTO // 2 + 60])
def test_a_photo_with_a_changed_pixel_counts_as_the_same_scene(guard, copy, caplog):
    view = View.alone(copy())
    first = View.alone(PHOTO).scene
    assert view.scene != first
    for _ in range(2):
        assert guard.recognise(view) == replace(view, scene=first)
    assert list(guard.ledger.scenes()) == [first]
    assert caplog.text.count(f"looks like scene '{first}' and counts as the same") == 1
    assert "--scene NAME" in caplog.text


@pytest.mark.parametrize(
    "copy",
    [
        lambda: np.asarray(Image.fromarray(PHOTO).resize((200, 133))),
        lambda: PHOTO[:, ::-1],
        lambda: np.rot90(PHOTO),
        lambda: PHOTO[3:-3, 4:-4],
    ],
)
def test_copies_that_do_not_add_up_are_named(guard, copy, caplog):
    view = View.alone(np.ascontiguousarray(copy()))
    assert guard.recognise(view) == view
    assert f"looks like scene '{View.alone(PHOTO).scene}' of 451x300 pixels" in caplog.text


def test_other_photos_are_scenes_of_their_own(guard, caplog):
    for photo in (skimage.data.coffee(), skimage.data.astronaut()):
        assert guard.recognise(View.alone(photo)) == View.alone(photo)
    assert not caplog.text


def test_a_name_that_was_given_is_kept(guard, caplog):
    view = Scene(jpeg(), "another cat").whole
    assert guard.recognise(view).scene == "another cat"
    assert "does not add up" in caplog.text
    frame = Scene(skimage.data.chelsea() // 2, "another cat").whole
    caplog.clear()
    assert Guard(guard.ledger).recognise(frame).scene == "another cat"
    assert not caplog.text


def test_a_photo_without_its_name_counts_as_the_named_scene(caplog):
    guard = Guard()
    guard.recognise(Scene(PHOTO, "cat").whole)
    assert guard.recognise(View.alone(jpeg())).scene == "cat"
    assert "looks like scene 'cat'" in caplog.text


def test_a_scene_that_comes_back_mirrored_is_told(guard, caplog):
    guard.recognise(Scene(PHOTO, "cat").whole)
    caplog.clear()
    Guard(guard.ledger).recognise(Scene(PHOTO[:, ::-1], "cat").whole)
    assert "shows scene 'cat' mirrored or turned" in caplog.text


def test_looks_outlast_the_process(tmp_path):
    Guard(Ledger(tmp_path / "l.db")).recognise(View.alone(PHOTO))
    view = Guard(Ledger(tmp_path / "l.db")).recognise(View.alone(jpeg()))
    assert view.scene == View.alone(PHOTO).scene
