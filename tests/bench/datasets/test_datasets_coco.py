"""COCO format: layouts, kinds of masks, damage."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from pycocotools import mask as coco_mask

from bench.datasets import Dataset, SampleError, open_dataset
from bench.datasets.decode.masks import decode_segmentation
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


def renamed(folder: Path, file_name: str | None, **fields: Any) -> Dataset:
    """The data set with another file name for a.png in its annotation file."""
    edit(folder, lambda content: content["images"][0].update(file_name=file_name, **fields))
    return opened(folder)


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
