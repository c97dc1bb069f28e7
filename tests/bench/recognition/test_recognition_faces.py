"""Faces and whose they are, on photos that packages carry."""

from __future__ import annotations

import importlib
from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from bench.datasets.base import Sample, stack_masks
from bench.metrics.base import Image
from bench.recognition import RecogniserUnavailable, dlib_models
from bench.recognition.detectors.faces import Faces
from bench.recognition.dlib_models import dlib_missing, models_missing
from bench.recognition.identity.gallery import Known
from bench.recognition.identity.identity import Identity
from tests.framework.support import message_of

SIZE = (256, 256)
FACE_THIRD = slice(25, 95), slice(75, 145)

with_dlib = pytest.mark.skipif(dlib_missing() is not None, reason=str(dlib_missing()))
with_models = pytest.mark.skipif(
    (dlib_missing() or models_missing()) is not None, reason=str(dlib_missing() or models_missing())
)


@pytest.fixture(scope="module")
def sample() -> Sample:
    photo = astronaut()
    return Sample("astronaut", photo, stack_masks([], photo.shape), (), "skimage/astronaut")


@pytest.fixture(scope="module")
def frame(sample) -> Image:
    return np.asarray(cv2.resize(sample.image, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def mean_colour(frame: Image) -> Image:
    return np.full_like(frame, frame.mean(axis=(0, 1)).astype(np.uint8))


def without_face(frame: Image) -> Image:
    picture = frame.copy()
    picture[FACE_THIRD] = mean_colour(frame)[FACE_THIRD]
    return picture


def strangers(count: int) -> Known:
    """Faces that are far from every real one and from each other."""
    descriptors = 3 * np.eye(128)[:count]
    return Known(SIZE, "strangers", "0", np.zeros((count, 4), np.float32), descriptors)


@with_dlib
def test_a_face_is_found_in_the_frame_and_not_behind_a_patch(sample, frame):
    faces = Faces()
    truth = faces.truth(sample, SIZE)
    x, y = (truth.boxes[:, :2] + truth.boxes[:, 2:]).T / 2
    assert ((x > 90) & (x < 130) & (y > 40) & (y < 80)).any()
    ceiling = faces.score(frame, truth)
    hidden = faces.score(without_face(frame), truth)
    assert ceiling["face_recall"] > hidden["face_recall"]
    assert faces.score(mean_colour(frame), truth) == {"face_recall": 0, "face_false_alarms": 0}


@with_dlib
def test_enlarging_is_what_finds_small_faces(sample, frame):
    small = Faces(side=256)
    assert not len(small.detect(frame, SIZE))
    assert len(Faces().detect(frame, SIZE))


@with_dlib
def test_no_face_no_recall(frame):
    plain = mean_colour(frame)
    sample = Sample("plain", plain, stack_masks([], plain.shape), (), "plain")
    faces = Faces()
    truth = faces.truth(sample, SIZE)
    assert faces.score(plain, truth) == {"face_recall": None, "face_false_alarms": 0}
    assert faces.score(frame, truth)["face_false_alarms"] >= 1


@with_models
def test_a_face_is_recognised_among_strangers(sample, frame):
    identity = Identity()
    truth = identity.truth(sample, SIZE)
    identity.enrol([strangers(50), truth])
    scores = identity.score(frame, truth)
    assert set(scores) == set(identity.metrics)
    assert scores["face_rank1"] == 1
    assert scores["face_rank1_chance"] == 1 / (50 + len(truth.boxes))
    assert scores["face_tar_at_far_0.01"] == 1
    assert 0 <= scores["face_false_accepts_at_far_0.01"] < 0.3
    genuine, others = identity.distances(frame, truth)
    assert others.shape == (len(genuine), 49 + len(genuine))
    hidden, _ = identity.distances(mean_colour(frame), truth)
    assert (genuine < hidden).all()
    assert genuine[0] < 0.5 < hidden[0]


@with_models
def test_other_photos_of_the_scene_are_nobody(sample, frame):
    identity = Identity()
    truth = identity.truth(sample, SIZE)
    again = replace(truth, image_id="next")
    namesake = replace(strangers(2), image_id=truth.image_id)
    identity.enrol([again, truth, namesake])
    genuine, others = identity.distances(frame, truth)
    assert others.shape == (len(genuine), 2 + len(genuine) - 1)
    assert identity.score(frame, truth)["face_rank1"] == 1


@with_models
def test_rates_need_a_gallery_that_is_large_enough(sample, frame):
    identity = Identity()
    truth = identity.truth(sample, SIZE)
    with pytest.raises(RecogniserUnavailable, match="enrol"):
        identity.score(frame, truth)
    identity.enrol([truth])
    scores = identity.score(frame, truth)
    assert scores["face_tar_at_far_0.01"] is None
    assert scores["face_rank1"] == 1


@with_models
def test_without_faces_nothing_applies(frame):
    identity = Identity()
    nobody = Known(SIZE, "nobody", "0", np.zeros((0, 4), np.float32), np.zeros((0, 128)))
    identity.enrol([nobody, strangers(3)])
    assert set(identity.score(frame, nobody).values()) == {None}


@with_models
def test_another_model_file_is_refused(monkeypatch):
    name = "shape_predictor_5_face_landmarks.dat"
    monkeypatch.setitem(dlib_models.MODELS, name, "0" * 64)
    assert "is not the known model" in message_of(dlib_models.FaceEncoder)


def test_the_reason_is_given_where_dlib_or_its_models_are_missing(monkeypatch):
    monkeypatch.setattr(dlib_models, "find_spec", lambda name: None)
    assert Faces.available() == "dlib is not installed: pip install 'pedbench[faces]'"
    monkeypatch.setattr(dlib_models, "find_spec", lambda name: object())
    monkeypatch.setattr(dlib_models, "wheel_file", lambda inside: None)
    assert "face-recognition-models is not installed" in str(Identity.available())
    monkeypatch.setattr(importlib, "import_module", _refuse)
    assert "dlib cannot be loaded (no lib)" in message_of(dlib_models.frontal_detector)


def _refuse(name):
    raise ImportError("no lib")
