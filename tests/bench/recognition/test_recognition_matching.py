"""What recognition rests on: canvas, boxes, characters, rates. No model is needed."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.recognition.boxes import as_boxes, box_ious, match
from bench.recognition.canvas import canvas_scale, canvas_size, on_canvas
from bench.recognition.identity.verification import share_below, threshold_at_far
from bench.recognition.text.reading import Text, characters_read, recall

SQUARE = (0, 0, 10, 10)
words = st.text("abc", max_size=6)


def edit_distance(a: str, b: str) -> int:
    if not a or not b:
        return len(a) + len(b)
    if a[0] == b[0]:
        return edit_distance(a[1:], b[1:])
    return 1 + min(edit_distance(a[1:], b), edit_distance(a, b[1:]), edit_distance(a[1:], b[1:]))


def test_all_sizes_of_a_picture_meet_on_one_canvas():
    assert canvas_size((170, 256)) == (680, 1024)
    photo = np.random.default_rng(0).integers(0, 256, (85, 128, 3), dtype=np.uint8)
    frame = cv2.resize(photo, (256, 170))
    large = cv2.resize(photo, (2560, 1700))
    assert {on_canvas(p, (170, 256)).shape for p in (photo, frame, large)} == {(680, 1024, 3)}
    assert canvas_scale((170, 256)).tolist() == [4, 4, 4, 4]


def test_overlap_of_boxes():
    a = as_boxes([SQUARE, (20, 20, 30, 30)])
    b = as_boxes([(5, 0, 15, 10)])
    np.testing.assert_allclose(box_ious(a, b), [[1 / 3], [0]], rtol=1e-6)
    assert box_ious(a, as_boxes([])).shape == (2, 0)


def test_each_object_needs_a_detection_of_its_own():
    twins = as_boxes([SQUARE, (1, 0, 11, 10)])
    assert match(twins, twins) == 2
    assert match(twins, as_boxes([SQUARE])) == 1
    assert match(as_boxes([SQUARE]), twins) == 1
    assert match(twins, as_boxes([])) == 0
    assert match(twins, twins, np.zeros((2, 2), bool)) == 0


def test_a_detection_must_cover_half():
    truth = as_boxes([SQUARE])
    assert match(truth, as_boxes([(0, 0, 10, 5.1)])) == 1
    assert match(truth, as_boxes([(0, 0, 10, 4.9)])) == 0


@pytest.mark.parametrize(
    ("word", "line", "read"),
    [
        ("Exit", "EXIT", 4),
        ("exit", "no ex it here", 4),
        ("exit", "", 0),
        ("exit", "exlt", 3),
        ("exit", "zzz", 0),
        ("12:30", "12.30", 4),
        ("", "exit", 0),
    ],
)
def test_characters_read(word, line, read):
    assert characters_read(word, line) == read


@given(word=words, line=words)
@settings(max_examples=60, deadline=None)
def test_characters_read_is_the_best_over_all_passages(word, line):
    passages = {line[i:j] for i in range(len(line) + 1) for j in range(i, len(line) + 1)}
    best = max(len(word) - edit_distance(word, passage) for passage in passages)
    assert characters_read(word, line) == max(0, best)


def test_words_count_only_where_they_stand():
    truth = Text(("stop", "bank"), as_boxes([(0, 0, 40, 10), (100, 100, 140, 110)]))
    assert recall(truth, truth) == (1, 1)
    swapped = Text(("bank", "stop"), truth.boxes)
    assert recall(truth, swapped) == (0, 0)
    half = Text(("stop",), truth.boxes[:1])
    assert recall(truth, half) == (0.5, 0.5)
    misread = Text(("stop", "bonk"), truth.boxes)
    assert recall(truth, misread) == (7 / 8, 0.5)
    one_line = Text(("bank stop",), as_boxes([(0, 0, 140, 110)]))
    assert recall(truth, one_line) == (1, 1)


def test_no_words_no_score():
    nothing = Text((), as_boxes([]))
    assert recall(nothing, nothing) == (None, None)


def test_threshold_lets_in_no_more_than_the_rate():
    impostors = np.arange(1000) / 1000
    threshold = threshold_at_far(impostors, 0.01)
    assert threshold == 0.01
    assert share_below(impostors, threshold) == 0.01
    assert share_below(np.full(1000, 0.5), threshold_at_far(np.full(1000, 0.5), 0.01)) == 0


def test_a_rate_needs_enough_impostors():
    assert threshold_at_far(np.arange(99.0), 0.01) is None
    assert threshold_at_far(np.arange(100.0), 0.01) == 1
    assert share_below(np.zeros(0), 1.0) is None


def test_true_accepts_grow_with_the_rate():
    rng = np.random.default_rng(0)
    genuine, impostors = rng.normal(0.4, 0.1, 500), rng.normal(0.8, 0.1, 5000)
    limits = [threshold_at_far(impostors, far) for far in (1e-3, 1e-2, 1e-1)]
    rates = [share_below(genuine, limit) for limit in limits]
    assert all(a < b for a, b in pairwise(rates))
    assert 0.5 < rates[0] < rates[2] <= 1
    assert share_below(impostors, limits[1]) == pytest.approx(0.01)
