"""Recognisers whose small network comes with the package: what `garments` and `cars` share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file

from attacks.networks.shipped import Photo, read_photos
from bench.datasets.base import Sample
from bench.metrics.base import Image, MetricUnavailable
from bench.metrics.classifier import classifier_weights
from bench.recognition.base import RecogniserUnavailable
from bench.recognition.detectors.box_network import BoxNetwork
from bench.recognition.detectors.detection import Detections, Detector
from framework.errors import PedbenchError
from framework.exposure.look import SURE, distance, perceptual_hash
from framework.files.download import sha256_of

FOLDER = Path(__file__).parent / "weights"
SIDE = 384
"""Longest side of the canvas, pixels: photos of 256 px were enlarged to it in training."""


class BoxDetector(Detector):
    """A `BoxNetwork` with shipped weights.

    Attributes:
        classes: their names, in the order of the labels.
        sure: confidence from which a detection counts, in the original and elsewhere.
        sha256: of the weights.
        photos_sha256: of the list of the photos that trained them.

    Args:
        side: longest side of the canvas, pixels.
    """

    classes: ClassVar[tuple[str, ...]]
    sure: ClassVar[float]
    sha256: ClassVar[str]
    photos_sha256: ClassVar[str]

    def __init__(self, side: int = SIDE) -> None:
        super().__init__(side)

    @classmethod
    def available(cls) -> str | None:
        path = cls.weights()
        if not path.is_file():
            return f"{path.name} is missing: reinstall pedbench, which carries it"
        try:
            classifier_weights()
        except MetricUnavailable as error:
            return str(error)
        return None

    @classmethod
    def weights(cls) -> Path:
        """Where they lie."""
        return FOLDER / f"{cls.name}.safetensors"

    @classmethod
    def photos(cls) -> Path:
        """The list of the photos that trained them."""
        return FOLDER / f"{cls.name}_photos.csv"

    @classmethod
    def trained_with(cls, image: Image) -> str:
        """The training photo that a picture is or looks like; empty when there is none."""
        bits = perceptual_hash(image)
        for photo in _photos(cls.photos(), cls.photos_sha256):
            if min(distance(bits, int(each, 16)) for each in (photo.bits, photo.mirrored)) <= SURE:
                return f"{photo.dataset}/{photo.image_id}"
        return ""

    def truth(self, sample: Sample, frame_size: tuple[int, int]) -> Detections:
        """The objects that are found in the original photo.

        Raises:
            RecogniserUnavailable: the photo trained the network, or looks like one that did.
        """
        if name := self.trained_with(sample.image):
            raise RecogniserUnavailable(
                f"'{self.name}' was trained on {name}, which this photo is or looks like: "
                "score other photos"
            )
        return super().truth(sample, frame_size)

    @torch.inference_mode()
    def _detect(self, canvas: Image) -> tuple[Sequence[Sequence[float]], Sequence[int]]:
        network = _network(self.weights(), self.sha256, len(self.classes), self.sure)
        found = network([torch.from_numpy(canvas).permute(2, 0, 1) / 255])[0]
        return found["boxes"].tolist(), found["labels"].tolist()


@lru_cache(maxsize=2)
def _photos(path: Path, sha256: str) -> list[Photo]:
    _check(path, sha256)
    return read_photos(path)


@lru_cache(maxsize=2)
def _network(path: Path, sha256: str, classes: int, sure: float) -> BoxNetwork:
    _check(path, sha256)
    network = BoxNetwork(classes, sure)
    network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return network.eval().requires_grad_(False)


def _check(path: Path, sha256: str) -> None:
    if (found := sha256_of(path)) != sha256:
        raise PedbenchError(
            f"{path.name} is not the known file (SHA-256 {found[:12]}…): reinstall pedbench"
        )
