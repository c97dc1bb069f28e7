"""Text read by RapidOCR (PP-OCR's detector and recogniser)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from bench.datasets.base import Sample
from bench.datasets.synthetic import SyntheticSample
from bench.metrics.base import Image, Score
from bench.recognition.base import RECOGNISERS, Recogniser, RecogniserUnavailable, Truth
from bench.recognition.boxes import as_boxes
from bench.recognition.canvas import SIDE, canvas_scale, on_canvas
from bench.recognition.text.reading import Text, plain, recall
from framework.errors import one_line

HINT = "pip install 'pedbench[text]'"
SURE = 0.9
"""Confidence from which text that OCR reads in an original photo counts as there."""
SHORTEST = 2
"""Characters of the shortest text that is taken from a photo."""


@dataclass(frozen=True, eq=False)
class Words(Truth):
    """What can be read in one frame.

    Attributes:
        text: the words, in pixels of the frame.
        known: whether they were printed there, or else read in the original photo.
    """

    text: Text
    known: bool


@RECOGNISERS.register("text")
class Reading(Recogniser[Words]):
    """Characters and words that are read where they stand.

    A synthetic scene knows its words. Of a photo, the lines that are read with confidence in the
    original count.

    Args:
        side: longest side of the canvas, pixels.
    """

    name = "text"
    summary = "characters and words read by RapidOCR"
    metrics = ("text_character_recall", "text_word_recall")

    def __init__(self, side: int = SIDE) -> None:
        self.side = side

    @classmethod
    def available(cls) -> str | None:
        for package in ("rapidocr", "onnxruntime"):
            if find_spec(package) is None:
                return f"{package} is not installed: {HINT}"
        return None

    def truth(self, sample: Sample, frame_size: tuple[int, int]) -> Words:
        """The words of a scene, or the text of a photo."""
        if not isinstance(sample, SyntheticSample):
            return Words(frame_size, self.read(sample.image, frame_size, SURE), known=False)
        height, width = sample.image.shape[:2]
        scale = np.array([frame_size[1] / width, frame_size[0] / height] * 2, np.float32)
        boxes = as_boxes([word.box for word in sample.words]) * scale
        text = Text(tuple(word.text for word in sample.words), boxes)
        return Words(frame_size, text, known=True)

    def read(self, picture: Image, frame_size: tuple[int, int], sure: float = 0.0) -> Text:
        """The lines read in a picture uint8 [h, w, 3] of any size, placed in the frame.

        Args:
            picture: the picture.
            frame_size: height and width of the frame.
            sure: confidence in [0, 1]; above 0, less certain and very short lines are left out.
        """
        canvas = on_canvas(picture, frame_size, self.side)
        result = _engine()(np.ascontiguousarray(canvas[..., ::-1]))
        lines = _lines(result)
        if sure:
            lines = [line for line in lines if line[2] >= sure and len(plain(line[1])) >= SHORTEST]
        boxes = [[*corners.min(axis=0), *corners.max(axis=0)] for corners, _, _ in lines]
        placed = as_boxes(boxes) / canvas_scale(frame_size, self.side)
        return Text(tuple(text for _, text, _ in lines), placed)

    def _score(self, picture: Image, truth: Words) -> dict[str, Score]:
        if not truth.text.pieces:
            return dict.fromkeys(self.metrics)
        scores = recall(truth.text, self.read(picture, truth.frame_size))
        return dict(zip(self.metrics, scores, strict=True))


def _lines(result: Any) -> list[tuple[Any, str, float]]:
    """Corners [4, 2], text and confidence of each line of a result."""
    if getattr(result, "txts", None) is None:
        return []
    return list(zip(result.boxes, result.txts, result.scores, strict=True))


@lru_cache(maxsize=1)
def _engine() -> Any:
    """The reader with the models that its package carries."""
    settings = {
        "Global.log_level": "error",
        "EngineConfig.onnxruntime.intra_op_num_threads": torch.get_num_threads(),
    }
    try:
        return importlib.import_module("rapidocr").RapidOCR(params=settings)
    except Exception as error:
        raise RecogniserUnavailable(f"RapidOCR cannot start ({one_line(error)}): {HINT}") from error
