"""COCO format: polygons and run lengths, and photos turned by EXIF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from pycocotools import mask as coco_mask

from bench.datasets import SampleError
from bench.datasets.decode.masks import decode_segmentation
from tests.bench.datasets.coco_support import (
    BOX,
    H,
    W,
    compressed,
    edit,
    opened,
    runs,
    write,
)


def test_polygons_and_run_lengths_give_the_same_mask(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset = opened(write(tmp_path / "tiny"))
    assert dataset.name == "coco:tiny"
    assert dataset.ids == ("a", "sub/b", "c")
    sample = dataset.load("a")
    assert sample.mask_ids == ("10", "11", "12", "13")
    assert all(np.array_equal(mask, BOX) for mask in sample.masks)
    assert sample.scene == "coco:tiny/a"
    assert dataset.load("c").masks.shape == (0, H, W)
    assert capfd.readouterr().out == ""


def turned_by_exif(folder: Path, orientation: int, size: tuple[int, int] = (W, H)) -> np.ndarray:
    """Save images/a.jpg, white where the mask is on the upright photo; returns that mask."""
    picture = Image.new("RGB", size)
    picture.paste((255, 255, 255), (0, 0, size[0] // 3, size[1] // 4))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(folder / "images" / "a.jpg", exif=exif, quality=95)
    with Image.open(folder / "images" / "a.jpg") as stored:
        return np.asarray(ImageOps.exif_transpose(stored).convert("L")) > 128


def declare(folder: Path, mask: np.ndarray, size: tuple[int | None, int | None]) -> None:
    entry = {"id": 1, "file_name": "a.jpg", "width": size[0], "height": size[1]}
    annotation = {"id": 1, "image_id": 1, "segmentation": compressed(mask)}
    edit(folder, lambda content: content.update(images=[entry], annotations=[annotation]))


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_masks_drawn_on_the_upright_photo_meet_the_upright_photo(
    tmp_path: Path, orientation: int
) -> None:
    folder = write(tmp_path / "x")
    mask = turned_by_exif(folder, orientation)
    declare(folder, mask, (H, W))
    sample = opened(folder).load("a")
    assert sample.image.shape == (W, H, 3)
    assert ((sample.image[..., 0] > 128) == sample.masks[0]).mean() > 0.99
    stored = np.asarray(Image.open(folder / "images" / "a.jpg").convert("L")) > 128
    declare(folder, stored, (W, H))
    sample = opened(folder).load("a")
    assert ((sample.image[..., 0] > 128) == sample.masks[0]).mean() > 0.99


@pytest.mark.parametrize(
    ("orientation", "size", "declared"),
    [(3, (W, H), (W, H)), (2, (W, H), (W, H)), (6, (W, W), (W, W)), (6, (W, H), (None, None))],
)
def test_an_orientation_that_no_size_decides_is_refused_by_name(
    tmp_path: Path, orientation: int, size: tuple[int, int], declared: tuple[int | None, int | None]
) -> None:
    folder = write(tmp_path / "x")
    declare(folder, turned_by_exif(folder, orientation, size), declared)
    with pytest.raises(SampleError, match=rf"a\.jpg is turned by EXIF \(orientation {orientation}"):
        opened(folder).load("a")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-20, 70), st.integers(-20, 50)), min_size=3, max_size=7))
def test_polygons_that_leave_the_image_are_cut_at_its_border(points: list[tuple[int, int]]) -> None:
    """As on a larger canvas of which the image is a part; pixels on an edge may differ."""
    margin = 30
    flat = [float(value) for point in points for value in point]
    found = decode_segmentation([flat], H, W)
    moved = [[value + margin for value in flat]]
    size = (H + 2 * margin, W + 2 * margin)
    runs = coco_mask.merge(coco_mask.frPyObjects(moved, *size))
    whole = coco_mask.decode(runs)[margin : margin + H, margin : margin + W] > 0
    assert np.count_nonzero(found != whole) <= H + W


def test_run_lengths_are_read_as_pycocotools_writes_them() -> None:
    rng = np.random.default_rng(0)
    for share in (0.0, 0.01, 0.5, 0.99, 1.0):
        mask = rng.random((57, 83)) < share
        mask[20:40] |= share > 0.5
        assert np.array_equal(decode_segmentation(compressed(mask), 57, 83), mask)
        plain = {"size": [57, 83], "counts": runs(mask)}
        assert np.array_equal(decode_segmentation(plain, 57, 83), mask)


def test_noise_for_run_lengths_is_an_error_not_a_crash() -> None:
    rng = np.random.default_rng(1)
    for length in rng.integers(1, 30, 500):
        text = "".join(map(chr, rng.integers(48, 112, length)))
        with pytest.raises(ValueError, match="run length"):
            decode_segmentation({"size": [H, W], "counts": text}, H, W)
