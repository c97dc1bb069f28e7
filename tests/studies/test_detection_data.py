"""Boxes of photos, and the views that train a detector; recall, precision and chance of them."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets import open_dataset
from bench.recognition.boxes import as_boxes
from bench.recognition.detectors.garments import CATEGORIES
from bench.runner.evaluation.recognition import FILLING
from studies.recognition.detection_data import (
    View,
    cropped,
    flipped,
    labelled,
    small,
    views,
    with_holes,
)
from studies.recognition.garments_and_cars import Objects, matched, scores
from tests.bench.recognition.test_recognition_boxes import coco_of_two


@pytest.fixture
def view():
    """A white square on black, with its box."""
    image = np.zeros((200, 100, 3), np.uint8)
    image[40:120, 20:50] = 255
    return View(image, as_boxes([[0.2, 0.2, 0.5, 0.6]]), np.array([3]))


def edges(view):
    """The box of what is white, in parts of the sides."""
    white = view.image.min(axis=2) > 128
    rows, columns = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
    height, width = white.shape
    corners = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    return np.array(corners) / [width, height, width, height]


@pytest.mark.parametrize("whole", [True, False])
def test_parts_of_a_garment_are_one_object_where_asked(tmp_path, whole):
    data = open_dataset(coco_of_two(tmp_path))
    photo = labelled(data, data.ids[:1], CATEGORIES, whole)[0]
    person, coat = (list(CATEGORIES).index(name) for name in ("person", "coat"))
    assert photo.labels.tolist() == [person, coat] if whole else [person, coat, coat]
    assert photo.boxes[0] * [64, 96, 64, 96] == pytest.approx([16, 8, 48, 90])
    expected = [16, 30, 46, 64] if whole else [16, 30, 28, 60]
    assert photo.boxes[1] * [64, 96, 64, 96] == pytest.approx(expected)


def test_boxes_follow_their_pixels(view):
    assert edges(flipped(view)) == pytest.approx(flipped(view).boxes[0])
    assert edges(small(view, 50)) == pytest.approx(view.boxes[0], abs=0.05)
    parts = [cropped(view, np.random.default_rng(seed)) for seed in range(20)]
    kept = [part for part in parts if len(part.boxes)]
    assert 0 < len(kept) < 20
    for part in kept:
        assert edges(part) == pytest.approx(part.boxes[0], abs=0.02)
        assert part.labels.tolist() == [3]


def test_what_is_hidden_does_not_count(view):
    looks = [with_holes(view, np.random.default_rng(seed)) for seed in range(20)]
    kept = [len(look.boxes) for look in looks]
    assert 0 < sum(kept) < 20
    for look, count in zip(looks, kept, strict=True):
        inside = look.image[40:120, 20:50]
        seen = 1 - (inside == FILLING).all(axis=2).mean()
        assert count == (seen >= 0.25)


def test_three_views_of_a_photo(view):
    shown = views(view, np.random.default_rng(0))
    assert len(shown) == 3
    assert all(max(each.image.shape) <= 256 for each in shown)


def test_recall_precision_and_chance():
    left, right = [0, 0, 0.4, 1], [0.6, 0, 1, 1]

    def objects(*pairs):
        boxes, labels = zip(*pairs, strict=True) if pairs else ((), ())
        return Objects(as_boxes(boxes), np.array(labels, np.int64))

    first = objects((left, 0), (right, 1)), objects((left, 0), (right, 0))
    second = objects((left, 0)), objects((right, 0), (left, 0), (right, 1))
    assert matched(*first, None) == 1
    assert (matched(*first, 0), matched(*first, 1)) == (1, 0)
    every = scores([first, second], None)
    assert (every["objects"], every["found"]) == (3, 5)
    assert every["recall"].startswith("0.67")
    assert every["precision"].startswith("0.40")
    assert every["chance"].startswith("1.00")
    assert scores([first, second], 1)["recall"].startswith("0.00")
