"""Lines of text."""

import importlib
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError, one_line
from framework.split.detectors.base import DETECTORS, Detector

MARGIN = 0.5
"""Of a line's height, on each of its sides."""
BLANK = 64
"""Side of the picture that it is tried with, pixels."""


@DETECTORS.register("text")
class Text(Detector):
    """PP-OCR's text detector (DB, Liao et al., AAAI 2020), as RapidOCR carries it.

    Each line with a margin, in a box along the frame's sides. Needs the extra ``text``.
    """

    summary = "lines of text (needs the extra 'text')"

    def find(self, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
        mask = np.zeros(frame.shape[:2], bool)
        found = text_detector()(np.ascontiguousarray(frame[..., ::-1]))
        for corners in [] if found.boxes is None else found.boxes:
            left, top = np.floor(np.min(corners, axis=0)).astype(int)
            right, bottom = np.ceil(np.max(corners, axis=0)).astype(int)
            margin = round(MARGIN * min(right - left, bottom - top))
            rows = slice(max(0, top - margin), bottom + 1 + margin)
            mask[rows, max(0, left - margin) : right + 1 + margin] = True
        return mask


@cache
def text_detector() -> Any:
    """RapidOCR's detector: its result has ``boxes``, n corners [4, 2] or ``None``.

    Raises:
        PedbenchError: RapidOCR is not installed, or cannot start.
    """
    try:
        # An extra: most installations lack it.
        rapidocr = importlib.import_module("rapidocr")
        engine = rapidocr.RapidOCR(params={"Global.log_level": "error"})
        find = partial(engine, use_det=True, use_cls=False, use_rec=False)
        find(np.zeros((BLANK, BLANK, 3), np.uint8))  # what it lacks shows at the first picture
    except Exception as error:
        raise PedbenchError(
            f"RapidOCR cannot start ({one_line(error)}): pip install 'pedbench[text]'"
        ) from error
    return find
