"""Persons."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError, one_line
from framework.files.download import sha256_of
from framework.split.detectors.base import DETECTORS, Detector

WEIGHTS = Path(__file__).parent / "weights" / "selfie_segmentation.tflite"
SHA256 = "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c"
SIDE = 256
"""Sides of the square that the network takes, pixels; pictures are stretched to it."""
SUSPECTED = 0.1
"""Share from which a pixel stays at home: low, since a person who is sent is gone."""
MARGIN = 8
"""Pixels of the frame around a person that stay too."""


@DETECTORS.register("persons")
class Persons(Detector):
    """MediaPipe's selfie segmentation network, each person with a margin."""

    summary = "persons, found by MediaPipe's selfie segmentation network"

    def find(self, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
        height, width = frame.shape[:2]
        suspected = cv2.resize(person_shares(frame), (width, height)) >= SUSPECTED
        around = np.ones((2 * MARGIN + 1,) * 2, np.uint8)
        return np.asarray(cv2.dilate(suspected.astype(np.uint8), around), bool)


def person_shares(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How far each pixel is a person's, in [0, 1]: [256, 256] of a picture uint8 [h, w, 3], RGB.

    Raises:
        PedbenchError: the file of the network is not the known one, or OpenCV cannot read it.
    """
    network = _network()
    network.setInput(cv2.dnn.blobFromImage(picture, 1 / 255, (SIDE, SIDE)))
    return np.asarray(network.forward()[0, 0], np.float32)


@lru_cache(maxsize=1)
def _network() -> Any:
    if not WEIGHTS.is_file():
        raise PedbenchError(f"{WEIGHTS.name} is missing: reinstall pedbench, which carries it")
    if (found := sha256_of(WEIGHTS)) != SHA256:
        raise PedbenchError(
            f"{WEIGHTS.name} is not the known network (SHA-256 {found[:12]}…): reinstall pedbench"
        )
    try:
        return cv2.dnn.readNetFromTFLite(str(WEIGHTS))
    except (AttributeError, cv2.error) as error:
        raise PedbenchError(
            f"OpenCV {cv2.__version__} cannot read {WEIGHTS.name} ({one_line(error)}): "
            "install opencv-python-headless 4.12 or later"
        ) from error
