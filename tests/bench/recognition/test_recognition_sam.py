"""Objects that SAM itself cuts out of a picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from segment_anything.utils.transforms import ResizeLongestSide

from bench.datasets.base import Sample
from bench.recognition.detectors import sam_objects
from bench.recognition.detectors.sam_objects import SamObjects, TrueMasks, best_ious
from framework.models.build import PIXEL_MEAN

pytestmark = pytest.mark.slow

SIZE = (128, 256)


@pytest.fixture(scope="module")
def sample() -> Sample:
    """A bright disc and a bright box on a dark ground, at twice the size of the frame."""
    photo = np.full((256, 512, 3), 40, np.uint8)
    cv2.circle(photo, (120, 128), 70, (220, 60, 60), -1)
    cv2.rectangle(photo, (300, 60), (440, 200), (60, 200, 220), -1)
    masks = np.stack([photo[..., 0] == 220, photo[..., 2] == 220, np.zeros((256, 512), bool)])
    masks[2, 2, 2] = True  # vanishes in the frame
    return Sample("shapes", photo, masks, ("disc", "box", "speck"), "scene/shapes")


@pytest.fixture(scope="module")
def recogniser() -> SamObjects:
    return SamObjects(points_per_side=6)


def test_the_frame_scores_one_and_a_blank_nothing(sample, recogniser):
    truth = recogniser.truth(sample, SIZE)
    assert 1 <= len(truth.masks) <= 2
    assert truth.counted == len(truth.masks) / 2
    frame = ResizeLongestSide(max(SIZE)).apply_image(sample.image)
    assert recogniser.score(frame, truth)["sam_object_recall"] == 1
    blank = np.tile(np.rint(PIXEL_MEAN).astype(np.uint8), (*SIZE, 1))
    assert recogniser.score(blank, truth)["sam_object_recall"] == 0


def test_what_a_blank_recovers_too_does_not_count(monkeypatch, sample, recogniser):
    whole = np.ones((1, *SIZE), bool)
    everywhere = Sample("all", sample.image, np.ones((1, 256, 512), bool), ("all",), "scene/all")
    monkeypatch.setattr(recogniser, "_blank", {})
    monkeypatch.setattr(recogniser, "cut_out", lambda picture: whole)
    truth = recogniser.truth(everywhere, SIZE)
    scores = recogniser.score(np.zeros((*SIZE, 3), np.uint8), truth)
    assert scores == {
        "sam_object_recall": None,
        "sam_best_iou": None,
        "sam_objects_counted": 0.0,
    }


def test_recall_and_mean_of_given_masks(monkeypatch, sample, recogniser):
    truth = TrueMasks(SIZE, np.ascontiguousarray(sample.masks[:2, ::2, ::2]), 1.0)
    half = truth.masks[0] & (np.arange(SIZE[1]) < 58)
    monkeypatch.setattr(recogniser, "cut_out", lambda picture: np.stack([half, truth.masks[1]]))
    scores = recogniser.score(np.zeros((*SIZE, 3), np.uint8), truth)
    share = half.sum() / truth.masks[0].sum()
    assert 0.4 < share < 0.5
    assert scores == {
        "sam_object_recall": 0.5,
        "sam_best_iou": pytest.approx((1 + share) / 2),
        "sam_objects_counted": 1.0,
    }


def test_as_many_masks_as_the_budget_count(monkeypatch, sample, recogniser):
    frame = cv2.resize(sample.image, SIZE[::-1], interpolation=cv2.INTER_AREA)
    every = recogniser.cut_out(frame)
    monkeypatch.setattr(sam_objects, "BUDGET", 3)
    best = recogniser.cut_out(frame)
    assert len(every) > len(best) == 3
    np.testing.assert_array_equal(best, every[:3])


def test_without_masks_nothing_applies(sample, recogniser):
    bare = Sample("bare", sample.image, sample.masks[:0], (), "scene/bare")
    truth = recogniser.truth(bare, SIZE)
    assert set(recogniser.score(np.zeros((*SIZE, 3), np.uint8), truth).values()) == {None}


def test_best_overlap():
    left, right = np.zeros((2, 4, 4), bool)
    left[:, :2], right[:, 2:] = True, True
    truth = np.stack([left, right])
    np.testing.assert_allclose(best_ious(truth, left[None]), [1, 0])
    np.testing.assert_allclose(best_ious(truth, truth[:0]), [0, 0])
