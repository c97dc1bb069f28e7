"""Photos that installed packages carry."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from bench.datasets import SampleError, open_dataset
from bench.datasets.embedded import ANNOTATIONS, Embedded


def test_embedded_has_photos_with_masks() -> None:
    dataset = open_dataset("embedded")
    samples = [dataset.load(image_id) for image_id in dataset.ids]
    assert len(samples) >= 8
    assert sum(len(sample.masks) for sample in samples) >= 40
    for sample in samples:
        assert sample.masks.any(axis=(1, 2)).all()
        assert len(set(sample.mask_ids)) == len(sample.masks)
    assert np.array_equal(dataset.load("astronaut").image, data.astronaut())
    assert dataset.load("coins").image.shape == (303, 384, 3)


def changed(tmp_path: Path, **fields: str) -> Embedded:
    """The embedded data set with other facts about its first photo."""
    content = json.loads(ANNOTATIONS.read_text())
    content["images"][0].update(fields)
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(content))
    return Embedded(path)


def test_another_picture_than_the_one_drawn_on_is_refused(tmp_path: Path) -> None:
    good = open_dataset("embedded").load("astronaut")
    either = changed(tmp_path, file_sha256="0")
    assert np.array_equal(either.load("astronaut").masks, good.masks)
    assert np.array_equal(changed(tmp_path, sha256="0").load("astronaut").masks, good.masks)
    neither = changed(tmp_path, sha256="0", file_sha256="0")
    with pytest.raises(SampleError, match="not the picture that the masks were drawn on"):
        neither.load("astronaut")
    assert neither.load("coffee").masks.any()


def test_a_photo_that_is_not_installed_is_named(tmp_path: Path) -> None:
    dataset = changed(tmp_path, package_path="skimage/data/none.png")
    with pytest.raises(SampleError, match=r"skimage/data/none\.png: pip install"):
        dataset.load("astronaut")


def test_package_photos_have_no_masks() -> None:
    dataset = open_dataset("package_photos")
    assert len(dataset) >= 10
    for image_id in dataset.ids:
        sample = dataset.load(image_id)
        assert sample.masks.shape == (0, *sample.image.shape[:2])
    assert not set(dataset.ids) & set(open_dataset("embedded").ids)
