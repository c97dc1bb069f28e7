"""Hugging Face data sets written to disk, in each form of masks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

from bench.datasets import SampleError, open_dataset
from framework.errors import PedbenchError

H, W = 24, 36
LABELS = np.zeros((H, W), np.uint8)
LABELS[2:10, 3:12] = 1
LABELS[12:20, 15:30] = 2
PHOTO = np.random.default_rng(0).integers(0, 255, (H, W, 3), dtype=np.uint8)
POLYGON = [[3.0, 2.0, 12.0, 2.0, 12.0, 10.0, 3.0, 10.0]]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def png(array: np.ndarray) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def table(column: str, values: list[Any], kind: Any) -> datasets.Dataset:
    features = datasets.Features({"image": datasets.Image(), "note": datasets.Value("int64")})
    features[column] = kind
    rows = {"image": [png(PHOTO)] * len(values), "note": [0] * len(values), column: values}
    return datasets.Dataset.from_dict(rows, features=features)


def two_masks() -> datasets.Dataset:
    masks = [png(np.equal(LABELS, label).astype(np.uint8) * 255) for label in (1, 2)]
    return table("masks", [masks, masks], datasets.Sequence(datasets.Image()))


def saved(tmp_path: Path, content: Any) -> str:
    content.save_to_disk(str(tmp_path / "set"))
    return f"hf:{tmp_path / 'set'}"


def test_masks_from_a_folder_on_disk(tmp_path: Path) -> None:
    dataset = open_dataset(saved(tmp_path, two_masks()))
    assert dataset.ids == ("000000", "000001")
    assert dataset.name.startswith("hf:set@")
    sample = dataset.load("000001")
    assert np.array_equal(sample.image, PHOTO)
    assert np.array_equal(sample.masks, [LABELS == 1, LABELS == 2])


@pytest.mark.parametrize("column", ["mask", "label"])
def test_each_value_of_a_label_picture_is_an_instance(tmp_path: Path, column: str) -> None:
    content = table(column, [png(LABELS)], datasets.Image())
    sample = open_dataset(saved(tmp_path, content)).load("000000")
    assert sample.mask_ids == ("1", "2")
    assert np.array_equal(sample.masks, [LABELS == 1, LABELS == 2])


@pytest.mark.parametrize("form", ["list of structures", "structure of lists"])
def test_coco_like_objects(tmp_path: Path, form: str) -> None:
    fields = {
        "segmentation": datasets.Sequence(datasets.Sequence(datasets.Value("float32"))),
        "iscrowd": datasets.Value("int64"),
    }
    objects: Any = [
        {"segmentation": POLYGON, "iscrowd": 0},
        {"segmentation": POLYGON, "iscrowd": 1},
    ]
    kind: Any = [fields]
    if form == "structure of lists":
        kind = datasets.Sequence(fields)
        objects = {key: [item[key] for item in objects] for key in fields}
    dataset = open_dataset(saved(tmp_path, table("objects", [objects], kind)))
    sample = dataset.load("000000")
    assert np.array_equal(sample.masks, [LABELS == 1])


def test_parquet_file_and_folder(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    path = tmp_path / "set" / "validation.parquet"
    two_masks().to_parquet(str(path))
    by_file, by_folder = open_dataset(f"hf:{path}"), open_dataset(f"hf:{path.parent}")
    assert by_file.fingerprint == by_folder.fingerprint
    assert by_folder.name == "hf:set@validation"
    assert by_folder.load("000000").masks.shape == (2, H, W)


def test_image_folder(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "train"
    folder.mkdir(parents=True)
    Image.fromarray(PHOTO).save(folder / "photo.png")
    Image.fromarray(LABELS).save(folder / "truth.png")
    (folder / "metadata.jsonl").write_text(
        '{"image_file_name": "photo.png", "mask_file_name": "truth.png"}\n'
    )
    sample = open_dataset(f"hf:{tmp_path / 'set'}").load("000000")
    assert np.array_equal(sample.image, PHOTO)
    assert len(sample.masks) == 2


def test_the_split_is_chosen_or_given(tmp_path: Path) -> None:
    content = datasets.DatasetDict(train=two_masks(), test=two_masks().select([0]))
    spec = saved(tmp_path, content)
    assert open_dataset(spec).name == "hf:set@test"
    assert len(open_dataset(f"{spec}@train")) == 2
    with pytest.raises(PedbenchError, match="no split 'val': it has train, test"):
        open_dataset(f"{spec}@val")


def test_other_columns_are_named(tmp_path: Path) -> None:
    kind = datasets.ClassLabel(names=["cat", "dog"])
    with pytest.raises(
        PedbenchError, match=r"image \(Image\), note \(Value\), label \(ClassLabel\)"
    ):
        open_dataset(saved(tmp_path, table("label", [0, 1], kind)))
    boxes = [{"bbox": datasets.Sequence(datasets.Value("float32"))}]
    with pytest.raises(PedbenchError, match=r"objects \(with bbox\)"):
        open_dataset(saved(tmp_path / "b", table("objects", [[{"bbox": [0, 0, 5, 5]}]], boxes)))


def test_a_damaged_row_fails_alone(tmp_path: Path) -> None:
    small = png(np.ones((3, 3), np.uint8))
    values = [png(LABELS), {"bytes": b"no picture", "path": "broken.png"}, small]
    dataset = open_dataset(saved(tmp_path, table("mask", values, datasets.Image())))
    with pytest.raises(SampleError, match=r"broken\.png \('mask' in row 1 of hf:set"):
        dataset.load("000001")
    with pytest.raises(SampleError, match=r"in row 2 of hf:set@\S+ is \(3, 3\)"):
        dataset.load("000002")
    assert len(dataset.load("000000").masks) == 2


def test_a_folder_of_nothing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(PedbenchError, match="cannot be opened") as caught:
        open_dataset(f"hf:{tmp_path / 'nothing'}")
    assert "\n" not in str(caught.value)


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    one = open_dataset(saved(tmp_path / "1", table("mask", [png(LABELS)], datasets.Image())))
    same = open_dataset(saved(tmp_path / "2", table("mask", [png(LABELS)], datasets.Image())))
    other = open_dataset(saved(tmp_path / "3", table("mask", [png(LABELS * 2)], datasets.Image())))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def encoded(picture: Image.Image, container: str = "PNG", orientation: int = 1) -> dict[str, Any]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    picture.save(buffer, container, exif=exif)
    return {"bytes": buffer.getvalue(), "path": None}


@pytest.mark.parametrize("column", ["mask", "masks"])
def test_a_binary_mask_of_any_form_is_one_instance(tmp_path: Path, column: str) -> None:
    levels = np.equal(LABELS, 2).astype(np.uint8) * 255
    large = Image.fromarray(levels).resize((W * 2, H * 2), Image.Resampling.BILINEAR)
    soft = np.array(large.resize((W, H), Image.Resampling.BILINEAR))
    white, black = np.full((H, W, 3), 255, np.uint8), np.zeros((H, W, 3), np.uint8)
    forms = [
        encoded(Image.fromarray(levels)),
        encoded(Image.fromarray(soft)),
        encoded(Image.fromarray(levels), "JPEG"),
        encoded(Image.fromarray(np.dstack([white, levels]))),
        encoded(Image.fromarray(np.dstack([black, levels]))),
        encoded(Image.fromarray(levels).convert("P")),
        encoded(Image.fromarray(levels).quantize(2)),
        encoded(Image.fromarray(levels).convert("1")),
        encoded(Image.fromarray(levels / np.float32(255)), "TIFF"),
    ]
    kind: Any = datasets.Image()
    values: list[Any] = forms
    if column == "masks":
        kind, values = datasets.Sequence(kind), [[form] for form in forms]
    dataset = open_dataset(saved(tmp_path, table(column, values, kind)))
    for image_id in dataset.ids:
        masks = dataset.load(image_id).masks
        assert len(masks) == 1, image_id
        assert (masks[0] != (LABELS == 2)).sum() <= 8, image_id


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_meet_the_photo_as_datasets_shows_it(tmp_path: Path, orientation: int) -> None:
    content = table("mask", [png(LABELS)], datasets.Image())
    photo = encoded(Image.fromarray(PHOTO), orientation=orientation)
    upright = np.array(datasets.Image().decode_example(photo))
    labels = LABELS if upright.shape == PHOTO.shape else np.ascontiguousarray(LABELS.T)
    features = content.features
    rows = {"image": [photo], "note": [0], "mask": [png(labels)]}
    content = datasets.Dataset.from_dict(rows, features=features)
    sample = open_dataset(saved(tmp_path, content)).load("000000")
    assert np.array_equal(sample.image, upright)
    assert np.array_equal(sample.masks[0], labels == 1)


def test_objects_that_cannot_be_used_are_skipped_and_said(tmp_path: Path) -> None:
    fields = {
        "segmentation": datasets.Sequence(datasets.Sequence(datasets.Value("float32"))),
        "iscrowd": datasets.Value("string"),
    }
    objects = [
        {"segmentation": POLYGON, "iscrowd": "0"},
        {"segmentation": [[1.0, 2.0, 3.0, 4.0]], "iscrowd": "0"},
        {"segmentation": POLYGON, "iscrowd": "1"},
    ]
    dataset = open_dataset(saved(tmp_path, table("objects", [objects], [fields])))
    with pytest.warns(UserWarning, match="1 of 3 objects are skipped: object 1 cannot be used"):
        sample = dataset.load("000000")
    assert sample.mask_ids == ("0",)


def test_several_labels_are_no_single_mask(tmp_path: Path) -> None:
    content = table("masks", [[png(LABELS)]], datasets.Sequence(datasets.Image()))
    with pytest.raises(SampleError, match=r"in 'masks' of row 0 .* has 2 labels"):
        open_dataset(saved(tmp_path, content)).load("000000")
