"""COCO format: layouts, names of images, damage."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets import SampleError
from framework.errors import PedbenchError
from tests.bench.datasets.coco_support import (
    BOX,
    H,
    W,
    edit,
    opened,
    renamed,
    write,
)


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


def test_files_that_share_a_name_and_repeated_ids_stay_apart(tmp_path: Path) -> None:
    folder = write(tmp_path / "x")
    shutil.copy(folder / "images" / "a.png", folder / "images" / "a.bmp")
    entry = {"id": 9, "file_name": "a.bmp", "height": H, "width": W}
    edit(folder, lambda content: content["images"].append(entry))
    edit(folder, lambda content: [a.update(id=5) for a in content["annotations"]])
    dataset = opened(folder)
    assert dataset.ids == ("1", "sub/b", "c", "9")
    assert len(set(dataset.load("1").mask_ids)) == 4


@pytest.mark.parametrize(
    "file_name",
    ["./a.png", "images/a.png", "images\\a.png", "../images/a.png", "sub/../a.png", "FOLDER/a.png"],
)
def test_names_in_use_find_the_image(tmp_path: Path, file_name: str) -> None:
    folder = write(tmp_path / "x")
    dataset = renamed(folder, file_name.replace("FOLDER", str(folder / "images")))
    assert np.array_equal(dataset.load(dataset.ids[0]).masks[0], BOX)
    assert ".." not in dataset.ids[0]


def test_names_with_backslashes_find_the_image_in_its_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "x")
    edit(folder, lambda content: content["images"][1].update(file_name="sub\\b.jpg"))
    assert opened(folder).load("sub/b").masks.any()


@pytest.mark.parametrize("file_name", ["../secret.png", "OUTSIDE/secret.png", "../images/../../x"])
def test_names_that_lead_out_of_the_image_folder_are_refused(
    tmp_path: Path, file_name: str
) -> None:
    folder = write(tmp_path / "x")
    shutil.copy(folder / "images" / "a.png", folder / "secret.png")
    dataset = renamed(folder, file_name.replace("OUTSIDE", str(folder)))
    with pytest.raises(SampleError, match="leads out of the image folder"):
        dataset.load(dataset.ids[0])
    assert dataset.load("sub/b").masks.any()


@pytest.mark.parametrize("file_name", [7, ["a.png"], "", "/", ".", None])
def test_a_name_that_is_none_is_refused(tmp_path: Path, file_name: Any) -> None:
    folder = write(tmp_path / "x")
    with pytest.raises(PedbenchError, match=r"instances\.json: image entry 0 lacks"):
        renamed(folder, file_name)


@pytest.mark.parametrize("place", ["images/train2017", "images", "train2017"])
def test_images_that_only_a_url_names_are_found(tmp_path: Path, place: str) -> None:
    """As in LVIS."""
    folder = write(tmp_path / "x")
    (folder / place).mkdir(exist_ok=True)
    (folder / "images" / "a.png").rename(folder / place / "0042.png")
    if not place.startswith("images"):
        shutil.rmtree(folder / "images")
    dataset = renamed(folder, None, coco_url="http://images.cocodataset.org/train2017/0042.png")
    assert dataset.ids[0] == "train2017/0042"
    assert np.array_equal(dataset.load("train2017/0042").masks[0], BOX)


def test_an_export_of_label_studio_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "x")
    edit(
        folder,
        lambda content: [e.update(file_name=f"images/{e['file_name']}") for e in content["images"]],
    )
    (folder / "instances.json").rename(folder / "result.json")
    assert opened(folder).load("images/a").masks.shape == (4, H, W)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_any_alphabet_and_case_are_found(tmp_path: Path, form: Any) -> None:
    folder = write(tmp_path / "x")
    name = unicodedata.normalize(form, "Fußgängerin 写真.PNG")
    (folder / "images" / "a.png").rename(folder / "images" / name)
    other = unicodedata.normalize("NFD" if form == "NFC" else "NFC", name)
    for written in (name, other):
        dataset = renamed(folder, written)
        assert np.array_equal(dataset.load(written.removesuffix(".PNG")).masks[0], BOX)
    flat = tmp_path / "flat"
    flat.mkdir()
    shutil.copy(folder / "images" / name, flat)
    shutil.copy(folder / "instances.json", flat)
    assert len(opened(flat).load(other.removesuffix(".PNG")).masks) == 4
