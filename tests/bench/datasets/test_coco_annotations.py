"""COCO format: annotations, ids, crowds and sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets import SampleError
from framework.errors import PedbenchError
from tests.bench.datasets.coco_support import (
    BOX,
    SEGMENTATIONS,
    H,
    W,
    compressed,
    edit,
    opened,
    runs,
    write,
)


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        [],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, 6, 7]],
        [["x", 2, 3, 4, 5, 6]],
        [[True, 2, 3, 4, 5, 6]],
        [SEGMENTATIONS["polygon"][0], []],
        [{"x": 1, "y": 2}],
        [float("nan")] * 6,
        {"size": [H, W], "counts": [5, 5]},
        {"size": [H, W], "counts": [-5, H * W + 5]},
        {"size": [W, H], "counts": runs(BOX)},
        {"size": [H, W]},
        {"size": [H, W], "counts": "PPPPPP5"},
        {"size": [H, W], "counts": "\x7f"},
        {"size": [H, W], "counts": compressed(BOX)["counts"][:-1]},
        [[1e12, 0, 5, 5, 9, 1e300]],
        "mask.png",
    ],
)
def test_a_bad_annotation_is_skipped_counted_and_said(tmp_path: Path, segmentation: Any) -> None:
    kinds = [SEGMENTATIONS["polygon"], segmentation, SEGMENTATIONS["runs"]]
    annotations = [
        {"id": 6 + n, "image_id": 1, "segmentation": kind} for n, kind in enumerate(kinds)
    ]
    dataset = opened(write(tmp_path / "x", annotations))
    with pytest.warns(UserWarning, match=r"instances\.json: 1 of 3 annotations of a\.png .* 7"):
        sample = dataset.load("a")
    assert sample.mask_ids == ("6", "8")
    assert all(np.array_equal(mask, BOX) for mask in sample.masks)


def test_annotations_that_lack_what_they_need_are_skipped(tmp_path: Path) -> None:
    square = SEGMENTATIONS["polygon"]
    annotations: list[Any] = [
        {"id": 1, "image_id": 1},
        {"id": 2, "image_id": 1, "segmentation": [[70, 10, 80, 10, 80, 20]]},
        {"image_id": 1, "segmentation": square},
        {"id": 4, "image_id": 1, "segmentation": square},
        {"id": 4, "image_id": 1, "segmentation": square},
        {"id": 5, "image_id": 1, "segmentation": square, "iscrowd": "perhaps"},
        {"id": 6, "segmentation": square},
        {"id": 7, "image_id": [1], "segmentation": square},
        "nothing",
    ]
    folder = write(tmp_path / "x", annotations)
    with pytest.warns(UserWarning, match="3 annotations belong to no image"):
        dataset = opened(folder)
    with pytest.warns(UserWarning, match="4 of 6 annotations of a.png are skipped") as caught:
        sample = dataset.load("a")
    assert sample.mask_ids == ("#2", "4")
    [text] = [str(w.message) for w in caught if w.category is UserWarning]
    assert "covers no pixel" in text
    assert "there twice" in text
    assert text.endswith("and 1 more")


@pytest.mark.parametrize("value", [0, "0", 0.0, "0.0", False, "false", None, ""])
def test_what_is_no_crowd_is_kept(tmp_path: Path, value: Any) -> None:
    annotation = {"id": 1, "image_id": 1, "iscrowd": value, "segmentation": SEGMENTATIONS["runs"]}
    assert opened(write(tmp_path / "x", [annotation])).load("a").mask_ids == ("1",)


@pytest.mark.parametrize("value", [1, "1", 1.0, True, "true"])
def test_a_crowd_is_left_out(tmp_path: Path, value: Any) -> None:
    annotation = {"id": 1, "image_id": 1, "iscrowd": value, "segmentation": SEGMENTATIONS["runs"]}
    assert opened(write(tmp_path / "x", [annotation])).load("a").mask_ids == ()


@pytest.mark.parametrize("same", [1, "1", 1.0])
def test_two_images_with_one_id_are_refused(tmp_path: Path, same: Any) -> None:
    folder = write(tmp_path / "x")
    edit(folder, lambda content: content["images"][1].update(id=same))
    with pytest.raises(PedbenchError, match=r"two images have the id 1 \(a\.png and sub/b\.jpg\)"):
        opened(folder)


def test_ids_may_be_text(tmp_path: Path) -> None:
    folder = write(tmp_path / "x")
    edit(folder, lambda content: content["images"][0].update(id="1"))
    edit(folder, lambda content: content["annotations"][-1].update(image_id="2"))
    edit(folder, lambda content: content["images"][2].update(id="c-07"))
    added = {"id": 30, "image_id": "c-07", "segmentation": SEGMENTATIONS["runs"]}
    edit(folder, lambda content: content["annotations"].append(added))
    dataset = opened(folder)
    assert [len(dataset.load(name).masks) for name in dataset.ids] == [4, 1, 1]


@pytest.mark.parametrize(("width", "height"), [(None, None), (0, 0), ("60", "40"), (60.0, None)])
def test_sizes_may_be_missing_or_text(tmp_path: Path, width: Any, height: Any) -> None:
    folder = write(tmp_path / "x")
    edit(folder, lambda content: content["images"][0].update(width=width, height=height))
    assert np.array_equal(opened(folder).load("a").masks[0], BOX)


@pytest.mark.parametrize("width", ["wide", -60, 60.5, [60], True])
def test_a_size_that_is_no_number_is_refused_by_name(tmp_path: Path, width: Any) -> None:
    folder = write(tmp_path / "x")
    edit(folder, lambda content: content["images"][0].update(width=width))
    dataset = opened(folder)
    with pytest.raises(SampleError, match=r"a\.png: width .* is no number of pixels"):
        dataset.load("a")
    assert dataset.load("sub/b").masks.any()


def test_annotations_of_images_not_listed_are_reported(tmp_path: Path) -> None:
    folder = write(tmp_path / "x")
    edit(folder, lambda content: content["annotations"].append({"id": 99, "image_id": 77}))
    with pytest.warns(UserWarning, match="1 annotations belong to no image"):
        dataset = opened(folder)
    assert len(dataset.load("a").masks) == 4


def test_a_size_that_differs_from_the_annotations_is_an_error(tmp_path: Path) -> None:
    folder = write(tmp_path / "x")
    edit(folder, lambda content: content["images"][0].update(width=H, height=W))
    with pytest.raises(SampleError, match="60×40"):
        opened(folder).load("a")
