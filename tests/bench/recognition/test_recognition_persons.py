"""Persons: the network beside its own runtime, what counts as a person, damaged files."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from bench.datasets.base import Sample, stack_masks
from bench.recognition.detectors import persons as recogniser
from bench.recognition.detectors.persons import Persons, sure_boxes
from framework.split.detectors import persons as module
from framework.split.detectors.persons import person_shares
from tests.framework.support import message_of

LITERT_SHARE = {"astronaut": 0.54434, "coffee": 0.21335, "rocket": 0.00002}
"""Mean shares that LiteRT 2.3.0 gives for photos that are stretched as `person_shares` does."""


def picture(name):
    return np.asarray(getattr(skimage.data, name)(), np.uint8)


def sample_of(image):
    return Sample("a", image, stack_masks([], image.shape), (), "scene/a")


@pytest.mark.parametrize("name", sorted(LITERT_SHARE))
def test_opencv_runs_the_network_as_its_own_runtime_does(name):
    assert person_shares(picture(name)).mean() == pytest.approx(LITERT_SHARE[name], abs=1e-4)


def test_one_person_is_found_and_none_where_she_is_hidden():
    image = picture("astronaut")
    persons = Persons()
    truth = persons.truth(sample_of(image), image.shape[:2])
    assert len(truth) == 1
    assert persons.score(image, truth) == {"persons_recall": 1.0, "persons_false_alarms": 0.0}
    hidden = np.full_like(image, 128)
    assert persons.score(hidden, truth) == {"persons_recall": 0.0, "persons_false_alarms": 0.0}


def test_boxes_are_placed_in_a_frame_of_another_size():
    wide = np.hstack([picture("astronaut"), np.zeros((512, 512, 3), np.uint8)])
    (box,) = Persons().truth(sample_of(wide), (128, 256)).boxes
    assert 0 <= box[0] < box[2] <= 135
    assert box[3] > 120


def test_a_photo_without_persons_has_none():
    rocket = picture("rocket")
    assert not len(Persons().truth(sample_of(rocket), rocket.shape[:2]))


def test_small_and_unsure_parts_are_no_persons():
    share = np.zeros((100, 100), np.float32)
    share[10:30, 10:40] = 0.95
    share[60:80, 60:90] = 0.7
    share[90:99, 5:15] = 1
    assert sure_boxes(share) == [(10, 10, 40, 30)]


def test_a_missing_file_is_said_in_one_line(monkeypatch, tmp_path):
    assert Persons.available() is None
    monkeypatch.setattr(recogniser, "WEIGHTS", tmp_path / "network.tflite")
    assert Persons.available() == (
        "network.tflite is missing: reinstall pedbench, which carries it"
    )


@pytest.mark.parametrize("known", [False, True])
def test_a_foreign_file_is_refused(monkeypatch, tmp_path, known):
    path = tmp_path / "network.tflite"
    path.write_bytes(b"nonsense" * 10)
    monkeypatch.setattr(module, "WEIGHTS", path)
    if known:
        monkeypatch.setattr(module, "SHA256", module.sha256_of(path))
    expected = "cannot read network.tflite" if known else "is not the known network"
    assert expected in message_of(module._network.__wrapped__)
