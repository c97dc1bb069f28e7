"""Where pictures lie in a scene, and which of its pixels a window shows."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_anything import SamAutomaticMaskGenerator
from segment_anything.utils.transforms import ResizeLongestSide

from framework import DistributedSamPredictor, LocalShards
from framework.exposure import Caps, Guard, Ledger, Scene, View
from framework.exposure.scene import source_span
from framework.windows import WindowGrid
from tests.framework.support import EchoShards, frame_of, message_of

SIDE, PATCH, WINDOW = 64, 8, 3


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(8, 200),
    width=st.integers(8, 200),
    index=st.integers(0, 8),
    seed=st.integers(0, 99),
)
def test_a_window_depends_on_its_box_alone(height, width, index, seed):
    """Whatever lies outside the box may change: the window's pixels stay as they are."""
    photo, other = frame_of(height, width, seed), frame_of(height, width, seed + 1)
    resize = ResizeLongestSide(SIDE).apply_image
    frame = resize(photo)
    grid = WindowGrid(SIDE, PATCH, WINDOW, frame.shape[:2])
    window = grid.windows[index]
    y0, x0, y1, x1 = View.alone(photo).box(grid, window)
    other[y0:y1, x0:x1] = photo[y0:y1, x0:x1]
    part = grid.pixel_slice(window)
    assert np.array_equal(resize(other)[part], frame[part])


@pytest.mark.parametrize("source", [64, 100, 128, 333, 30])
def test_the_box_is_no_larger_than_the_filter(source):
    """One source pixel, or one target pixel, to either side."""
    first, last = source_span(20, 40, source, 64)
    scale = source / 64
    reach = 0 if source == 64 else max(scale, 1)
    assert first >= floor(20 * scale - reach)
    assert last <= ceil(40 * scale + reach)


@pytest.mark.parametrize("size", [(50, 64), (100, 90), (20, 200)])
def test_boxes_of_all_windows_cover_the_picture(size):
    photo = frame_of(*size)
    frame = ResizeLongestSide(SIDE).apply_image(photo)
    grid = WindowGrid(SIDE, PATCH, WINDOW, frame.shape[:2])
    seen = np.zeros((size[0] + 7, size[1] + 9), bool)
    view = View("scene", seen.shape, (7, 9), size)
    for window in grid.windows:
        y0, x0, y1, x1 = view.box(grid, window)
        seen[y0:y1, x0:x1] = True
        assert (y1 > y0) is window.has_content
    assert seen[7:, 9:].all()
    assert not seen[:7].any()
    assert not seen[:, :9].any()


@given(st.integers(0, 39), st.integers(0, 59), st.booleans())
def test_numpy_views_are_located(top, left, flipped):
    photo = frame_of(40, 60)
    crop = photo[top : top + 9, left : left + 11]
    view = Scene(photo, "yard").locate(crop[..., ::-1] if flipped else crop)
    assert view == View("yard", (40, 60), (top, left), crop.shape[:2])


def test_copies_need_an_origin():
    photo = frame_of(40, 60)
    scene = Scene(photo, "yard")
    crop = photo[5:20, 6:30].copy()
    assert "origin=(top, left)" in message_of(lambda: scene.locate(crop))
    assert scene.locate(crop, (5, 6)).origin == (5, 6)
    assert scene.locate(frame_of(40, 60, 1)).origin == (0, 0)
    for origin in [(-1, 0), (26, 0), (0, 37)]:
        assert "beyond scene 'yard'" in message_of(lambda o=origin: scene.locate(crop, o))


@pytest.mark.parametrize("crop", [np.s_[::2, ::2], np.s_[::-1], np.s_[:, ::3]])
def test_strided_views_are_not_mistaken_for_crops(crop):
    photo = frame_of(40, 60)
    if photo[crop].shape != photo.shape:
        assert "cannot be located" in message_of(lambda: Scene(photo).locate(photo[crop]))


def test_a_scene_that_is_itself_a_view():
    whole = frame_of(80, 80)
    photo = whole[10:50, 10:70]
    assert Scene(photo).locate(photo[2:9, 3:9]).origin == (2, 3)
    for outside in (whole[5:20, 10:20], whole[10:20, 65:75], whole[48:60, 20:30]):
        message_of(lambda o=outside: Scene(photo).locate(o))
    for odd in (whole[..., ::-1], whole[::-1], whole.transpose(1, 0, 2)):
        assert "cannot be located" in message_of(lambda o=odd: Scene(o).locate(o[2:9, 3:9]))


def test_pictures_are_named_by_content():
    assert View.alone(frame_of(9, 9)) == View.alone(frame_of(9, 9))
    assert View.alone(frame_of(9, 9)).scene != View.alone(frame_of(9, 9, 1)).scene


@pytest.fixture
def predictor(sam):
    shards = EchoShards(3, guard=Guard(Ledger()))
    return DistributedSamPredictor(sam, shards, plan="prefix", policy="strided")


def scenes_of(predictor) -> dict[str, tuple[int, int]]:
    return predictor.encoder.shards.guard.ledger.scenes()


def test_a_picture_outside_a_scene_is_its_own(predictor):
    for seed in (0, 1, 0):
        predictor.set_image(frame_of(40, 60, seed))
    assert len(scenes_of(predictor)) == 2
    assert set(scenes_of(predictor).values()) == {(40, 60)}
    assert "needs a scene" in message_of(
        lambda: predictor.set_image(frame_of(40, 60), origin=(0, 0))
    )


def test_frames_and_crops_within_a_scene(predictor):
    photo = frame_of(40, 60)
    with predictor.scene(photo, "yard"):
        predictor.set_image(photo[:20, 30:])
        assert predictor.view == View("yard", (40, 60), (0, 30), (20, 30))
        predictor.set_image(photo[..., ::-1], "BGR")
        predictor.set_image(photo[3:13, 4:14].copy(), origin=(3, 4))
        assert "origin" in message_of(lambda: predictor.set_image(photo[3:13].copy()))
    assert scenes_of(predictor) == {"yard": (40, 60)}
    predictor.set_image(photo)
    assert len(scenes_of(predictor)) == 2


def test_resized_pictures(predictor):
    photo = frame_of(128, 100)
    tensor = torch.as_tensor(predictor.transform.apply_image(photo)).permute(2, 0, 1)[None]
    predictor.set_torch_image(tensor, (128, 100))
    assert predictor.view.size == (128, 100)
    with predictor.scene(photo, "yard"):
        predictor.set_torch_image(tensor, (128, 100))
        assert predictor.view == View("yard", (128, 100), (0, 0), (128, 100))
        assert "give set_image it" in message_of(
            lambda: predictor.set_torch_image(tensor, (64, 50))
        )


def test_automatic_masks_over_crops_are_one_scene(sam):
    photo = frame_of(96, 128)
    guard = Guard(Ledger(), Caps(per_server=0.4, coalition=(2, 0.6)))
    generator = SamAutomaticMaskGenerator(
        sam, 1, crop_n_layers=1, pred_iou_thresh=-9.0, stability_score_thresh=0.0
    )
    generator.predictor = DistributedSamPredictor(
        sam, LocalShards(3, guard=guard), plan="prefix", policy="random"
    )
    with generator.predictor.scene(photo, "yard"):
        generator.generate(photo)
    assert guard.ledger.scenes() == {"yard": (96, 128)}
    assert guard.ledger.frames("yard") == 5
    seen = guard.ledger.coverage("yard")
    assert 0.2 < max(mask.mean() for mask in seen.seen.values()) <= 0.4
    assert seen.worst(2)[1] <= 0.6
