"""COCO format: layouts, kinds of masks, damage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from bench.datasets import Dataset, SampleError, open_dataset
from bench.datasets.masks import decode_segmentation
from framework.errors import PedbenchError

H, W = 40, 60
BOX = np.zeros((H, W), bool)
BOX[10:20, 5:25] = True


def runs(mask: np.ndarray) -> list[int]:
    """Uncompressed run lengths, by columns, starting with zeros."""
    flat = mask.ravel(order="F").astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths


def compressed(mask: np.ndarray) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode()}


SEGMENTATIONS: dict[str, Any] = {
    "polygon": [[5, 10, 25, 10, 25, 20, 5, 20]],
    "two polygons": [[5, 10, 15, 10, 15, 20, 5, 20], [15, 10, 25, 10, 25, 20, 15, 20]],
    "runs": {"size": [H, W], "counts": runs(BOX)},
    "compressed": compressed(BOX),
}


def write(folder: Path, annotations: list[dict[str, Any]] | None = None) -> Path:
    """Three photos, a.png, sub/b.jpg and c.png, with the annotations; returns the folder."""
    images = folder / "images"
    (images / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = ["a.png", "sub/b.jpg", "c.png"]
    for name in names:
        Image.fromarray(rng.integers(0, 255, (H, W, 3), dtype=np.uint8)).save(images / name)
    if annotations is None:
        kinds = list(SEGMENTATIONS.values())
        annotations = [
            {"id": 10 + n, "image_id": 1, "iscrowd": 0, "segmentation": kind}
            for n, kind in enumerate(kinds)
        ]
        annotations.append({"id": 20, "image_id": 1, "iscrowd": 1, "segmentation": kinds[2]})
        annotations.append({"id": 21, "image_id": 2, "segmentation": kinds[0]})
    entries = [
        {"id": n + 1, "file_name": name, "height": H, "width": W} for n, name in enumerate(names)
    ]
    content = {"images": entries, "annotations": annotations, "categories": []}
    (folder / "instances.json").write_text(json.dumps(content))
    return folder


def opened(folder: Path, **options: str) -> Dataset:
    return open_dataset(f"coco:{folder}", **options)


def edit(folder: Path, change: Any) -> None:
    """Change the content of the annotation file."""
    path = folder / "instances.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


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


def test_the_fingerprint_follows_the_annotations_not_the_place(tmp_path: Path) -> None:
    one = opened(write(tmp_path / "one"))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    two = opened(tmp_path / "two")
    assert one.fingerprint == two.fingerprint
    edit(tmp_path / "two", lambda content: content["annotations"].pop())
    assert opened(tmp_path / "two").fingerprint != one.fingerprint


def test_layouts_in_use_are_found(tmp_path: Path) -> None:
    source = write(tmp_path / "source")
    official = tmp_path / "official"
    shutil.copytree(source / "images", official / "val2017")
    (official / "annotations").mkdir()
    for name in ("instances_val2017.json", "instances_train2017.json", "captions_val2017.json"):
        shutil.copy(source / "instances.json", official / "annotations" / name)
    flat = tmp_path / "flat"
    shutil.copytree(source / "images", flat)
    shutil.copy(source / "instances.json", flat / "_annotations.coco.json")
    for folder in (official, flat):
        assert opened(folder).load("a").masks.shape == (4, H, W)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    given = {"images": str(source / "images"), "annotations": str(source / "instances.json")}
    assert opened(elsewhere, **given).load("sub/b").masks.shape == (1, H, W)


def test_what_is_missing_at_opening_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PedbenchError, match="give --annotations FILE"):
        opened(tmp_path / "empty")
    folder = write(tmp_path / "x")
    with pytest.raises(PedbenchError, match="check --annotations"):
        opened(folder, annotations="nothing.json")
    with pytest.raises(PedbenchError, match="check --images"):
        opened(folder, images="nothing")
    (folder / "images").rename(folder / "pictures")
    with pytest.raises(PedbenchError, match="give --images DIR"):
        opened(folder)
    assert len(opened(folder, images="pictures")) == 3
    (folder / "annotations").mkdir()
    for name in ("a", "b"):
        shutil.copy(folder / "instances.json", folder / "annotations" / f"{name}.json")
    (folder / "instances.json").unlink()
    with pytest.raises(PedbenchError, match="several annotation files"):
        opened(folder)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"images": []}', '{"images": [{}], "annotations": []}']
)
def test_a_file_that_is_not_coco_is_refused(tmp_path: Path, text: str) -> None:
    folder = write(tmp_path / "x")
    (folder / "instances.json").write_text(text)
    with pytest.raises(PedbenchError, match=r"instances\.json") as caught:
        opened(folder)
    assert "\n" not in str(caught.value)


def test_damaged_images_fail_alone_and_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "x")
    photo = folder / "images" / "sub" / "b.jpg"
    photo.write_bytes(photo.read_bytes()[:400])
    (folder / "images" / "c.png").unlink()
    dataset = opened(folder)
    with pytest.raises(SampleError, match=r"b\.jpg cannot be read"):
        dataset.load("sub/b")
    with pytest.raises(SampleError, match=r"c\.png is missing"):
        dataset.load("c")
    assert dataset.load("a").masks.any()


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        [],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, 6, 7]],
        [["x", 2, 3, 4, 5, 6]],
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
def test_damaged_annotations_fail_alone_and_by_name(tmp_path: Path, segmentation: Any) -> None:
    good = {"id": 1, "image_id": 2, "segmentation": SEGMENTATIONS["polygon"]}
    bad = {"id": 7, "image_id": 1, "segmentation": segmentation}
    dataset = opened(write(tmp_path / "x", [good, bad]))
    with pytest.raises(SampleError, match=r"instances\.json: annotation 7 of a\.png"):
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


def test_files_that_share_a_name_and_repeated_ids_stay_apart(tmp_path: Path) -> None:
    folder = write(tmp_path / "x")
    shutil.copy(folder / "images" / "a.png", folder / "images" / "a.bmp")
    entry = {"id": 9, "file_name": "a.bmp", "height": H, "width": W}
    edit(folder, lambda content: content["images"].append(entry))
    edit(folder, lambda content: [a.update(id=5) for a in content["annotations"]])
    dataset = opened(folder)
    assert dataset.ids == ("1", "sub/b", "c", "9")
    assert len(set(dataset.load("1").mask_ids)) == 4


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
