"""BSDS500 in its original layout, written small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from bench.datasets import SampleError, open_dataset
from framework.errors import PedbenchError

H, W = 40, 60


def segmentation(count: int) -> np.ndarray:
    """Vertical bands 1…count; the first one also has a far corner, and there is a speck."""
    labels = 1 + (np.arange(W) * count // W)[None].repeat(H, axis=0)
    labels[-2:, -2:] = 1
    labels[0, W - 1] = 99
    return labels.astype(np.uint16)


def write_truth(path: Path, counts: list[int]) -> None:
    cells = np.empty((1, len(counts)), dtype=object)
    for number, count in enumerate(counts):
        labels = segmentation(count)
        cells[0, number] = {"Segmentation": labels, "Boundaries": np.zeros((H, W), bool)}
    savemat(path, {"groundTruth": cells})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """BSDS500/data with two photos in val and one in test."""
    data = tmp_path / "BSDS500" / "data"
    for split, name in (("val", "1001"), ("val", "1002"), ("test", "2001")):
        for kind in ("images", "groundTruth"):
            (data / kind / split).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (W, H), (9, 80, 200)).save(data / "images" / split / f"{name}.jpg")
        write_truth(data / "groundTruth" / split / f"{name}.mat", [2, 6, 4])
    return tmp_path


def test_instances_are_regions_of_the_median_annotator(root: Path) -> None:
    dataset = open_dataset(f"bsds:{root}/BSDS500/data")
    assert dataset.name == "bsds:val"
    assert dataset.ids == ("1001", "1002")
    sample = dataset.load("1001")
    assert sample.image.shape == (H, W, 3)
    assert sample.mask_ids == ("1", "2", "3", "4")
    first = np.zeros((H, W), bool)
    first[:, :15] = True
    assert np.array_equal(sample.masks[0], first)


def test_regions_above_60_percent_are_left_out(root: Path) -> None:
    write_truth(root / "BSDS500" / "data" / "groundTruth" / "val" / "1001.mat", [1])
    assert open_dataset(f"bsds:{root}").load("1001").masks.shape == (0, H, W)


def test_splits_and_places(root: Path) -> None:
    for place in (root, root / "BSDS500" / "data"):
        assert open_dataset(f"bsds:{place}").ids == ("1001", "1002")
        assert open_dataset(f"bsds:{place}/test").ids == ("2001",)
    with pytest.raises(PedbenchError, match=r"images/train does not exist"):
        open_dataset(f"bsds:{root}/BSDS500/data/train")


def test_damage_is_named_and_stays_alone(root: Path) -> None:
    truth = root / "BSDS500" / "data" / "groundTruth" / "val"
    dataset = open_dataset(f"bsds:{root}")
    before = dataset.fingerprint
    (truth / "1001.mat").write_bytes(b"MATLAB 5.0 MAT-file, cut off")
    with pytest.raises(SampleError, match=r"1001\.mat cannot be read"):
        dataset.load("1001")
    assert len(dataset.load("1002").masks) == 4
    (truth / "1001.mat").unlink()
    with pytest.raises(SampleError, match=r"1001\.mat is missing"):
        dataset.load("1001")
    assert open_dataset(f"bsds:{root}").fingerprint != before


def test_the_annotated_size_tells_which_way_up_a_photo_is(root: Path) -> None:
    images = root / "BSDS500" / "data" / "images" / "val"
    pixels = np.random.default_rng(0).integers(0, 255, (H // 4, W // 4, 3), dtype=np.uint8)
    photo = Image.fromarray(pixels).resize((W, H))
    exif = Image.Exif()
    for orientation in (6, 3):
        exif[0x0112] = orientation
        photo.save(images / f"100{orientation}.jpg", exif=exif)
        write_truth(root / "BSDS500/data/groundTruth/val" / f"100{orientation}.mat", [4])
    dataset = open_dataset(f"bsds:{root}")
    assert dataset.load("1006").image.shape == (H, W, 3)
    with pytest.raises(SampleError, match=r"1003\.jpg is turned by EXIF"):
        dataset.load("1003")
