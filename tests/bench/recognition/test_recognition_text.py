"""Text read in synthetic scenes, and in a photo without known words."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bench.datasets.base import Sample, stack_masks
from bench.datasets.synthetic import Synthetic
from bench.recognition.text import text as module
from bench.recognition.text.text import Reading
from tests.framework.support import message_of

with_ocr = pytest.mark.skipif(Reading.available() is not None, reason=str(Reading.available()))

SCENE = 3
"""Has six words."""
SIDE = 640
"""Less than the default, for speed."""


@pytest.fixture(scope="module")
def scene():
    return Synthetic().scene(SCENE)


def frame_of(image, side=256):
    height, width = image.shape[:2]
    size = round(width * side / max(height, width)), round(height * side / max(height, width))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def test_a_scene_knows_its_words_in_pixels_of_the_frame(scene):
    frame = frame_of(scene.image)
    truth = Reading().truth(scene, frame.shape[:2])
    assert truth.known
    assert truth.text.pieces == tuple(word.text for word in scene.words)
    factor = frame.shape[0] / scene.image.shape[0]
    boxes = np.array([word.box for word in scene.words])
    np.testing.assert_allclose(truth.text.boxes, boxes * factor, atol=0.5)


@with_ocr
def test_words_are_read_until_they_are_hidden(scene):
    reading = Reading(SIDE)
    truth = reading.truth(scene, scene.image.shape[:2])
    ceiling = reading.score(scene.image, truth)
    assert ceiling["text_character_recall"] > 0.8
    assert ceiling["text_word_recall"] > 0.6
    hidden = np.full_like(scene.image, 128)
    assert set(reading.score(hidden, truth).values()) == {0.0}


@with_ocr
def test_a_photo_is_read_first(scene):
    reading = Reading(SIDE)
    size = scene.image.shape[:2]
    photo = Sample("sign", scene.image, stack_masks([], scene.image.shape), (), "scene/sign")
    truth = reading.truth(photo, size)
    assert not truth.known
    assert truth.text.pieces
    assert reading.score(scene.image, truth) == {
        "text_character_recall": 1.0,
        "text_word_recall": 1.0,
    }


def test_without_words_nothing_applies(scene):
    reading = Reading(SIDE)
    empty = next(s for s in map(Synthetic().scene, range(20)) if not s.words)
    truth = reading.truth(empty, empty.image.shape[:2])
    assert set(reading.score(empty.image, truth).values()) == {None}


def test_the_reason_is_given_where_ocr_is_missing(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert Reading.available() == "rapidocr is not installed: pip install 'pedbench[text]'"


def test_an_engine_that_cannot_start_is_named_in_one_line(monkeypatch):
    def refuse(name):
        raise RuntimeError("no model\nno network")

    monkeypatch.setattr(module.importlib, "import_module", refuse)
    assert "no model" in message_of(module._engine.__wrapped__)
