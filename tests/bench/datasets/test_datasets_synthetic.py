"""Procedural scenes: the same for everyone, varied, exact."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets import open_dataset
from bench.datasets.synthetic import Synthetic
from bench.datasets.synthetic_scenes.words import typeset
from framework.errors import PedbenchError


def test_an_index_is_always_the_same_scene() -> None:
    few, many = open_dataset("synthetic:3"), Synthetic(64)
    one, other = few.load("0-000002"), many.scene(2)
    assert one.image_id == other.image_id
    assert np.array_equal(one.image, other.image)
    assert np.array_equal(one.masks, other.masks)
    assert not np.array_equal(other.image[:99, :99], many.scene(3).image[:99, :99])


def test_scenes_have_no_end_and_seeds_differ() -> None:
    assert Synthetic(1).scene(1_234_567).masks.any()
    other = open_dataset("synthetic:5@7")
    assert other.ids[0] == "7-000000"
    assert other.fingerprint != open_dataset("synthetic:5").fingerprint
    assert len(open_dataset("synthetic")) == 64


@pytest.mark.parametrize("count", ["0", "00", "-1", "x", "99999999999", "3@"])
def test_a_number_that_makes_no_data_set_is_refused(count: str) -> None:
    with pytest.raises(PedbenchError, match="N from 1 to 999999"):
        open_dataset(f"synthetic:{count}")


def test_scenes_are_varied_and_masks_are_apart() -> None:
    data = Synthetic()
    samples = [data.scene(index) for index in range(24)]
    for sample in samples:
        assert sample.image.dtype == np.uint8
        assert sample.image.std() > 4
        height, width = sample.image.shape[:2]
        assert 280 <= min(height, width) <= 360
        assert sample.masks.sum(axis=0).max() <= 1
        assert all(mask.mean() >= 0.002 for mask in sample.masks)
        assert len(sample.mask_ids) == len(sample.masks)
        for word in sample.words:
            x0, y0, x1, y1 = word.box
            assert word.text
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height
    counts = [len(sample.masks) for sample in samples]
    assert 4 < np.mean(counts) < 14
    assert len({sample.image.shape for sample in samples}) > 12
    assert any(s.image.shape[0] > s.image.shape[1] for s in samples)
    assert sum(bool(sample.words) for sample in samples) >= 6
    means = np.array([sample.image.mean(axis=(0, 1)) for sample in samples])
    assert means.std(axis=0).min() > 15


def test_words_are_inked_where_their_boxes_say() -> None:
    ink, words = typeset([["total", "42"], ["open"]], 60, 160)
    assert ink.shape == (60, 160)
    assert [word.text for word in words] == ["total", "42", "open"]
    outside = np.ones(ink.shape, bool)
    for word in words:
        x0, y0, x1, y1 = word.box
        assert ink[y0:y1, x0:x1].max() > 0.9
        outside[max(y0, 0) : y1, max(x0, 0) : x1] = False
    assert ink[outside].max() < 0.2
