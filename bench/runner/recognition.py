"""Recognisers of a run: built when first asked for, with the faces of all scored photos."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from bench.datasets import Dataset, SampleError
from bench.recognition import RECOGNISERS, Suite, Truths, recognise_all
from bench.runner.records import Record
from framework.models.build import PIXEL_MEAN

Image = NDArray[np.uint8]

FILLING = np.rint(PIXEL_MEAN).astype(np.uint8)
"""Colour of what was not seen, where the windows as received are shown to a recogniser."""


class Judges:
    """Gives records of what is recognised in pictures of one data set.

    Args:
        scored: all photos of the run; their faces are the gallery.
        img_size: longest side of a frame, pixels.
    """

    def __init__(self, scored: Dataset, img_size: int) -> None:
        self.scored = scored
        self.img_size = img_size
        self._suite = lru_cache(maxsize=None)(self._open)
        self._truths = lru_cache(maxsize=2 * len(RECOGNISERS.names()))(self._look)
        self._judged: dict[tuple[str, str, bytes], list[Record]] = {}

    def judge(self, name: str, image_id: str, picture: Image) -> list[Record]:
        """Partial records of one recogniser on one picture, uint8 [h, w, 3] of the frame's size.

        Raises:
            PedbenchError: no such recogniser; the photo cannot be read.
        """
        key = name, image_id, hashlib.sha256(picture.tobytes()).digest()
        if key not in self._judged:
            self._judged = {k: v for k, v in self._judged.items() if k[1] == image_id}
            self._judged[key] = recognise_all(picture, self._truths(name, image_id))
        return self._judged[key]

    def _open(self, name: str) -> Suite:
        recogniser = RECOGNISERS.get(name)()
        suite = Suite([recogniser])
        if recogniser.needs_gallery and not suite.unavailable:
            suite.enrol(list(self._gallery(suite)))
        return suite

    def _gallery(self, suite: Suite) -> Iterator[Truths]:
        for image_id in self.scored.ids:
            with contextlib.suppress(SampleError):
                yield self._of(suite, image_id)

    def _look(self, name: str, image_id: str) -> Truths:
        return self._of(self._suite(name), image_id)

    def _of(self, suite: Suite, image_id: str) -> Truths:
        sample = self.scored.load(image_id)
        size = ResizeLongestSide.get_preprocess_shape(*sample.image.shape[:2], self.img_size)
        return suite.truths(sample, size)


def as_received(frame: Image, visible: NDArray[np.bool_]) -> Image:
    """The frame where it was seen, `FILLING` elsewhere: uint8 [h, w, 3]."""
    return np.where(visible[..., None], frame, FILLING).astype(np.uint8)
