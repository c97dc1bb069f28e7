"""Frontal faces."""

import importlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError, one_line
from framework.split.detectors.base import DETECTORS, Detector

DOUBLINGS = 2
"""Of the frame before the search: the detector finds faces of 80 px and more."""
MARGIN = 0.4
"""Of a face's side, on each of its sides: hair, chin and ears."""


@DETECTORS.register("faces")
class Faces(Detector):
    """dlib's frontal face detector (HOG), each face with a margin. Needs the extra ``faces``."""

    summary = "frontal faces (needs the extra 'faces')"

    def find(self, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
        mask = np.zeros(frame.shape[:2], bool)
        for box in frontal_detector()(np.ascontiguousarray(frame), DOUBLINGS):
            margin = round(MARGIN * max(box.width(), box.height()))
            rows = slice(max(0, box.top() - margin), box.bottom() + 1 + margin)
            columns = slice(max(0, box.left() - margin), box.right() + 1 + margin)
            mask[rows, columns] = True
        return mask


def dlib() -> Any:
    """The package dlib.

    Raises:
        PedbenchError: it is not installed, or broken.
    """
    try:
        return importlib.import_module("dlib")  # An extra: most installations lack it.
    except (ImportError, OSError) as error:
        raise PedbenchError(
            f"dlib cannot be loaded ({one_line(error)}): pip install 'pedbench[faces]'"
        ) from error


@cache
def frontal_detector() -> Any:
    """dlib's built-in frontal face detector (HOG, faces of 80 px and more)."""
    return dlib().get_frontal_face_detector()
