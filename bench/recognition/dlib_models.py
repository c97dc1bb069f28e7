"""dlib and its face models, loaded when first used."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.datasets.packaged.wheels import wheel_file
from bench.metrics.base import Image
from bench.recognition.base import RecogniserUnavailable
from bench.recognition.boxes import Boxes
from framework.errors import PedbenchError
from framework.files.download import sha256_of
from framework.split.detectors import faces

HINT = "pip install 'pedbench[faces]'"
FOLDER = "face_recognition_models/models"
MODELS = {
    "shape_predictor_5_face_landmarks.dat": (
        "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
    ),
    "dlib_face_recognition_resnet_model_v1.dat": (
        "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
    ),
}
"""Files of the package face-recognition-models 0.3.0, with their SHA-256."""


def dlib_missing() -> str | None:
    """Why dlib cannot be had; None when it can."""
    return None if find_spec("dlib") else f"dlib is not installed: {HINT}"


def models_missing() -> str | None:
    """Why dlib's face models cannot be had; None when they can."""
    for name in MODELS:
        if wheel_file(f"{FOLDER}/{name}") is None:
            return f"face-recognition-models is not installed: {HINT}"
    return None


def frontal_detector() -> Any:
    """dlib's built-in frontal face detector, one for the process.

    Raises:
        RecogniserUnavailable: dlib is broken.
    """
    _dlib()
    return faces.frontal_detector()


class FaceEncoder:
    """dlib's face descriptor: 128 numbers, at about 0.6 or less for two photos of one person.

    Raises:
        RecogniserUnavailable: a model file is not the known one.
    """

    def __init__(self) -> None:
        landmarks, network = (_verified(name) for name in MODELS)
        self._dlib = _dlib()
        self._landmarks = self._dlib.shape_predictor(landmarks)
        self._network = self._dlib.face_recognition_model_v1(network)

    def encode(self, picture: Image, boxes: Boxes) -> NDArray[np.float64]:
        """Descriptors [n, 128] of the faces in boxes [n, 4] of a picture uint8 [h, w, 3].

        A box is taken for a face whatever it shows.
        """
        rows = [self._one(picture, box) for box in np.rint(boxes).astype(int).tolist()]
        return np.asarray(rows, np.float64).reshape(-1, 128)

    def _one(self, picture: Image, box: list[int]) -> NDArray[np.float64]:
        shape = self._landmarks(picture, self._dlib.rectangle(*box))
        return np.asarray(self._network.compute_face_descriptor(picture, shape), np.float64)


@lru_cache(maxsize=1)
def face_encoder() -> FaceEncoder:
    """The one `FaceEncoder` of this process."""
    return FaceEncoder()


def _dlib() -> Any:
    try:
        return faces.dlib()
    except PedbenchError as error:
        raise RecogniserUnavailable(str(error)) from error


def _verified(name: str) -> str:
    path = wheel_file(f"{FOLDER}/{name}")
    if path is None:
        raise RecogniserUnavailable(f"face-recognition-models lacks {name}: {HINT}")
    if (found := sha256_of(path)) != MODELS[name]:
        raise RecogniserUnavailable(
            f"{path} is not the known model (SHA-256 {found[:12]}…): "
            "pip install --force-reinstall face-recognition-models==0.3.0"
        )
    return str(path)
