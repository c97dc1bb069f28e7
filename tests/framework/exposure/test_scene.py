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
from framework.exposure import Caps, Guard, Ledger, Protected, Scene, View
from framework.exposure.scene import source_span
from framework.split.windows import WindowGrid
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


LAID_DOWN = [
    lambda photo: photo[::-1],
    lambda photo: photo[:, ::-1],
    lambda photo: photo[::-1, ::-1],
    lambda photo: photo.transpose(1, 0, 2),
    lambda photo: photo.transpose(1, 0, 2)[::-1],
    np.rot90,
    lambda photo: np.rot90(photo, 2),
    lambda photo: np.rot90(photo, 3),
    lambda photo: photo[30:7:-1, 40:12:-1],
    lambda photo: np.rot90(photo[5:30, 9:50])[::-1, 3:20],
    lambda photo: np.fliplr(photo)[..., ::-1],
    lambda photo: photo,
]


@pytest.mark.parametrize("lay", LAID_DOWN)
@pytest.mark.parametrize("whole", LAID_DOWN[:8])
def test_mirrored_and_turned_views_show_what_is_counted(lay, whole):
    """Pixels outside a window's box may change, and its own stay as they are."""
    memory, changed = frame_of(40, 60), frame_of(40, 60, 1)
    photo, other = whole(memory), whole(changed)
    view = Scene(photo).locate(lay(photo))
    assert view.placed
    resize = ResizeLongestSide(SIDE).apply_image
    frame = resize(np.ascontiguousarray(lay(photo)))
    grid = WindowGrid(SIDE, PATCH, WINDOW, frame.shape[:2])
    seen = np.zeros(photo.shape[:2], bool)
    for window in grid.windows:
        y0, x0, y1, x1 = view.box(grid, window)
        mixed = other.copy()
        mixed[y0:y1, x0:x1] = photo[y0:y1, x0:x1]
        part = grid.pixel_slice(window)
        assert np.array_equal(resize(np.ascontiguousarray(lay(mixed)))[part], frame[part])
        seen[y0:y1, x0:x1] = True
    height, width = lay(photo).shape[:2]
    assert seen.sum() == height * width


SAME_SIZE = {
    "rolled": lambda photo: np.roll(photo, 7, 1),
    "mirrored copy": lambda photo: photo[::-1].copy(),
    "turned copy": lambda photo: np.rot90(photo, 2).copy(),
    "brighter": lambda photo: photo // 2 + 99,
    "broadcast": lambda photo: np.broadcast_to(photo[:1], photo.shape),
    "padded crop": lambda photo: np.pad(photo[5:, 5:], ((5, 0), (5, 0), (0, 0))),
    "another frame": lambda photo: frame_of(40, 60, 1),
}


@pytest.mark.parametrize("change", SAME_SIZE.values(), ids=SAME_SIZE)
def test_a_picture_that_is_no_view_counts_as_the_whole_scene(change, caplog):
    photo = frame_of(40, 60)
    scene = Scene(photo, "yard")
    grid = WindowGrid(SIDE, PATCH, WINDOW, (43, 64))
    for origin in (None, (0, 0)):
        view = scene.locate(change(photo), origin)
        boxes = {view.box(grid, window) for window in grid.windows}
        assert boxes == {(0, 0, 40, 60), (0, 0, 0, 0)}
    assert "counts as the whole scene" in caplog.text


def test_equal_copies_are_located(caplog):
    photo = frame_of(40, 60)
    scene = Scene(photo, "yard")
    for copy in (photo.copy(), photo[..., ::-1].copy(), np.asfortranarray(photo)):
        assert scene.locate(copy) == View("yard", (40, 60), (0, 0), (40, 60))
    assert scene.locate(photo[5:20, 6:30].copy(), (5, 6)).placed
    assert not caplog.text


def test_copies_need_an_origin():
    photo = frame_of(40, 60)
    scene = Scene(photo, "yard")
    crop = photo[5:20, 6:30].copy()
    assert "origin=(top, left)" in message_of(lambda: scene.locate(crop))
    assert scene.locate(crop, (5, 6)).origin == (5, 6)
    for origin in [(-1, 0), (26, 0), (0, 37)]:
        assert "beyond scene 'yard'" in message_of(lambda o=origin: scene.locate(crop, o))


def test_an_origin_that_is_not_true_hides_nothing():
    photo = frame_of(40, 60)
    scene = Scene(photo, "yard")
    assert not scene.locate(photo[5:20, 6:30].copy(), (0, 0)).placed
    assert not scene.locate(photo[::2, ::2].copy(), (0, 0)).placed
    assert "leave the origin out" in message_of(lambda: scene.locate(photo[5:20, 6:30], (0, 0)))


def test_a_scene_that_is_changed_in_place_counts_as_a_whole():
    photo = frame_of(40, 60)
    scene = Scene(photo, "yard")
    photo[:] = np.roll(photo, 9, 0)
    assert not scene.locate(photo).placed
    assert not scene.locate(photo[3:9, 3:9]).placed


@pytest.mark.parametrize("crop", [np.s_[::2, ::2], np.s_[:, ::3], np.s_[::-2]])
def test_strided_views_are_not_mistaken_for_crops(crop):
    photo = frame_of(40, 60)
    assert "cannot be located" in message_of(lambda: Scene(photo).locate(photo[crop]))


def test_views_that_run_over_the_edge_are_not_located():
    photo = frame_of(40, 60)
    wrapped = np.lib.stride_tricks.as_strided(photo[:, 50:], (20, 30, 3))
    assert "cannot be located" in message_of(lambda: Scene(photo).locate(wrapped))
    slanted = np.lib.stride_tricks.as_strided(photo[1:], (30, 30, 3), (183, 3, 1))
    assert "cannot be located" in message_of(lambda: Scene(photo).locate(slanted))
    shifted = np.lib.stride_tricks.as_strided(photo.ravel()[1:], (30, 30, 3), (180, 3, 1))
    assert "cannot be located" in message_of(lambda: Scene(photo).locate(shifted))


def test_a_scene_that_is_itself_a_view():
    whole = frame_of(80, 80)
    photo = whole[10:50, 10:70]
    assert Scene(photo).locate(photo[2:9, 3:9]).origin == (2, 3)
    for outside in (whole[5:20, 10:20], whole[10:20, 65:75], whole[48:60, 20:30]):
        message_of(lambda o=outside: Scene(photo).locate(o))
    for odd in (whole[..., ::-1], whole[::-1], whole.transpose(1, 0, 2)):
        assert Scene(odd).locate(odd[2:9, 3:9]).origin == (2, 3)


def test_pictures_are_named_by_content():
    assert View.alone(frame_of(9, 9)) == View.alone(frame_of(9, 9))
    assert View.alone(frame_of(9, 9)).scene != View.alone(frame_of(9, 9, 1)).scene


@pytest.fixture
def predictor(sam):
    shards = EchoShards(3, guard=Guard(Ledger()))
    return DistributedSamPredictor(sam, shards, plan="prefix", policy="strided")


def scenes_of(predictor) -> dict[str, tuple[int, int]]:
    return predictor.encoder.shards.guard.ledger.scenes()


@pytest.mark.slow
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
    assert scenes_of(predictor) == {"yard": (40, 60)}, "the same photo, without its name"


@pytest.mark.slow
@pytest.mark.parametrize("lay", [LAID_DOWN[0], LAID_DOWN[5], LAID_DOWN[9], SAME_SIZE["rolled"]])
def test_servers_see_nothing_that_is_not_counted(predictor, lay):
    """What a server has not seen, by the ledger, may change: what it gets stays the same."""
    photo = np.ascontiguousarray(np.kron(frame_of(10, 15), np.ones((4, 4, 1), np.uint8)))
    box = Protected((10, 8, 30, 24))
    shards = predictor.encoder.shards
    shards.guard.caps = Caps(per_server=0.6, protected=[box])
    with predictor.scene(photo, "yard"):
        predictor.set_image(lay(photo))
    sent = payloads_of(predictor)
    coverage = shards.guard.ledger.coverage("yard")
    assert not (coverage.union(coverage.seen) & box.mask((40, 60))).any()
    shards.guard = Guard()
    for name, seen in coverage.seen.items():
        assert seen.mean() <= 0.6
        other = np.where(seen[..., None], photo, 255 - photo)
        with predictor.scene(other, "yard"):
            predictor.set_image(lay(other))
        again = payloads_of(predictor)
        assert all(again[key] == data for key, data in sent.items() if key[0] == name)


def payloads_of(predictor) -> dict[tuple[str, int], bytes]:
    """What each server got of each window."""
    names = predictor.encoder.shards.names
    messages = predictor.observation().messages
    return {(names[m.shard], m.window): m.sent.data.tobytes() for m in messages}


@pytest.mark.slow
def test_bgr_pictures_lie_where_rgb_ones_do(predictor):
    photo = frame_of(40, 60)
    bgr = photo[..., ::-1].copy()
    for scene, scene_format in ((photo, "RGB"), (bgr, "BGR")):
        with predictor.scene(scene, image_format=scene_format):
            predictor.set_image(scene[30:4:-1, 9:40], scene_format)
            assert predictor.view == View(
                predictor.view.scene, (40, 60), (5, 9), (26, 31), False, (True, False)
            )
            predictor.set_image(bgr, "BGR")
            assert predictor.view.placed
    predictor.set_image(bgr, "BGR")
    assert len(scenes_of(predictor)) == 1
    assert "give RGB or BGR" in message_of(lambda: predictor.set_image(photo, "bgr"))


def test_a_view_of_the_scene_in_the_other_order_of_channels_is_refused(predictor):
    photo = frame_of(40, 60)
    for scene_format, picture, picture_format in (
        ("RGB", photo, "BGR"),
        ("RGB", photo[:20, :30, ::-1], "RGB"),
        ("BGR", photo, "RGB"),
    ):
        with predictor.scene(photo, "yard", scene_format):
            text = message_of(lambda p=picture, f=picture_format: predictor.set_image(p, f))
        assert "red and blue exchanged" in text


def test_resized_pictures(predictor):
    photo = frame_of(128, 100)
    tensor = torch.as_tensor(predictor.transform.apply_image(photo)).permute(2, 0, 1)[None]
    predictor.set_torch_image(tensor, (128, 100))
    assert predictor.view.size == (128, 100)
    with predictor.scene(photo, "yard"):
        predictor.set_torch_image(tensor, (128, 100))
        assert predictor.view == View("yard", (128, 100), (0, 0), (128, 100))
        predictor.set_torch_image(tensor.flip(2), (128, 100))
        assert not predictor.view.placed
        assert "give set_image it" in message_of(
            lambda: predictor.set_torch_image(tensor, (64, 50))
        )


@pytest.mark.slow
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
