"""Persons told apart by their looks, on photos that packages carry."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bench.metrics.base import Image
from bench.recognition.identity.gallery import Known
from bench.recognition.identity.person_identity import PersonIdentity
from tests.bench.recognition.test_recognition_persons import picture, sample_of

pytestmark = pytest.mark.skipif(
    PersonIdentity.available() is not None, reason=str(PersonIdentity.available())
)

SIZE = (256, 256)


def small(name: str) -> Image:
    return np.asarray(cv2.resize(picture(name), SIZE, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="module")
def enrolled() -> tuple[PersonIdentity, Known]:
    """The one person of a photo, among what stands at the same place of three others."""
    recogniser = PersonIdentity()
    truth = recogniser.truth(sample_of(picture("astronaut")), SIZE)
    looks = [recogniser._describe(small(name), truth.boxes) for name in ("coffee", "rocket", "cat")]
    boxes = np.repeat(truth.boxes, len(looks), axis=0)
    others = Known(SIZE, "others", "0", boxes, np.concatenate(looks))
    recogniser.enrol([others, truth])
    return recogniser, truth


def test_a_person_is_described_by_a_direction(enrolled):
    _, truth = enrolled
    assert len(truth.boxes) == 1
    assert np.linalg.norm(truth.descriptors, axis=1) == pytest.approx(1)


def test_a_person_is_named_in_the_photo_and_in_a_dimmed_one(enrolled):
    recogniser, truth = enrolled
    for frame in (small("astronaut"), small("astronaut") // 2):
        scores = recogniser.score(frame, truth)
        assert scores["person_rank1"] == 1
        assert scores["person_rank1_chance"] == 0.25
        assert scores["person_tar_at_far_0.01"] is None, "three strangers are no thousand pairs"


def test_another_photo_is_not_taken_for_the_person(enrolled):
    recogniser, truth = enrolled
    assert recogniser.score(small("coffee"), truth)["person_rank1"] == 0
    genuine, _ = recogniser.distances(small("astronaut"), truth)
    hidden, _ = recogniser.distances(np.full((*SIZE, 3), 128, np.uint8), truth)
    assert genuine[0] < 0.5 < hidden[0]


def test_without_persons_nothing_applies(enrolled):
    recogniser, truth = enrolled
    nobody = replace(truth, image_id="n", boxes=truth.boxes[:0], descriptors=truth.descriptors[:0])
    recogniser.enrol([nobody])
    assert set(recogniser.score(small("rocket"), nobody).values()) == {None}
