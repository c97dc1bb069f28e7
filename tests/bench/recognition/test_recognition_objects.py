"""People and objects: their detectors, and what is said where they cannot be had."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_fpn

from bench.datasets.base import Sample, stack_masks
from bench.recognition.detectors import objects as module
from bench.recognition.detectors.objects import Objects, weights_path
from bench.recognition.detectors.people import People
from framework.files.download import sha256_of
from tests.framework.support import message_of

SIZE = (64, 128)
PICTURE = np.zeros((*SIZE, 3), np.uint8)


class Eyes:
    """A detector that reports what it is told, in fractions of the picture."""

    def __init__(self, *seen):
        self.seen = seen
        self.sizes = []

    def __call__(self, pictures):
        (picture,) = pictures
        height, width = picture.shape[1:]
        self.sizes.append((height, width))
        scale = torch.tensor([width, height, width, height])
        boxes = torch.tensor([box for box, _, _ in self.seen]).reshape(-1, 4) * scale
        labels = torch.tensor([label for _, label, _ in self.seen], dtype=torch.int64)
        scores = torch.tensor([score for _, _, score in self.seen])
        return [{"boxes": boxes, "labels": labels, "scores": scores}]


CAT = ([0.0, 0.0, 0.5, 0.5], 17, 0.9)
DOG = ([0.5, 0.5, 1.0, 1.0], 18, 0.9)


@pytest.fixture
def sample() -> Sample:
    photo = np.zeros((200, 400, 3), np.uint8)
    return Sample("a", photo, stack_masks([], photo.shape), (), "scene/a")


def test_objects_are_placed_in_the_frame(sample):
    eyes = Eyes(CAT, DOG, ([0.2, 0.2, 0.4, 0.4], 1, 0.4))
    truth = Objects(network=eyes).truth(sample, SIZE)
    np.testing.assert_allclose(truth.boxes, [[0, 0, 64, 32], [64, 32, 128, 64]])
    assert truth.labels.tolist() == [17, 18]
    assert eyes.sizes == [(512, 1024)]


@pytest.mark.parametrize(
    ("seen", "recall", "false_alarms"),
    [
        ([CAT, DOG], 1.0, 0.0),
        ([CAT], 0.5, 0.0),
        ([CAT, (DOG[0], 17, 0.9)], 0.5, 1.0),
        ([CAT, CAT, DOG], 1.0, 1.0),
        ([], 0.0, 0.0),
    ],
)
def test_recall_counts_class_and_place(sample, seen, recall, false_alarms):
    truth = Objects(network=Eyes(CAT, DOG)).truth(sample, SIZE)
    scores = Objects(network=Eyes(*seen)).score(PICTURE, truth)
    assert scores == {"object_recall": recall, "object_false_alarms": false_alarms}


def test_the_detector_is_unavailable_until_its_weights_are_cached(monkeypatch, tmp_path, sample):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert str(tmp_path) in str(Objects.available())
    weights_path().parent.mkdir(parents=True)
    weights_path().write_bytes(b"nonsense")
    assert Objects.available() is None
    assert "fb6a3cc7… is published" in message_of(lambda: Objects().truth(sample, SIZE))


def test_cached_weights_are_loaded(tmp_path, monkeypatch):
    written = fasterrcnn_mobilenet_v3_large_fpn(weights=None, weights_backbone=None)
    torch.save(written.state_dict(), tmp_path / "weights.pth")
    monkeypatch.setattr(module, "PUBLISHED", sha256_of(tmp_path / "weights.pth"))
    network = module._load(tmp_path / "weights.pth")
    assert not network.training
    for ours, theirs in zip(network.parameters(), written.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_people_need_opencv_4(monkeypatch):
    monkeypatch.delattr(cv2, "HOGDescriptor", raising=False)
    assert "pip install 'pedbench[people]'" in str(People.available())


@pytest.mark.skipif(People.available() is not None, reason=str(People.available()))
def test_no_people_in_an_empty_picture(sample):
    people = People()
    truth = people.truth(sample, SIZE)
    assert not len(truth)
    assert people.score(PICTURE, truth) == {"people_recall": None, "people_false_alarms": 0.0}
