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
from bench.recognition import RECOGNISERS, RecogniserSet, Truths, recognise_all
from bench.runner.folder.records import Record
from framework.models.build import PIXEL_MEAN

Image = NDArray[np.uint8]

FILLING = np.rint(PIXEL_MEAN).astype(np.uint8)
"""Colour of what was not seen, where the windows as received are shown to a recogniser."""


class Recognition:
    """Gives records of what is recognised in pictures of one data set.

    Args:
        scored: all photos of the run; their faces are the gallery.
        img_size: longest side of the model input, pixels.
    """

    def __init__(self, scored: Dataset, img_size: int) -> None:
        self.scored = scored
        self.img_size = img_size
        self._recognisers = lru_cache(maxsize=None)(self._open)
        self._truths = lru_cache(maxsize=2 * len(RECOGNISERS.names()))(self._look)
        self._records: dict[tuple[str, str, bytes], list[Record]] = {}

    def recognise(self, name: str, image_id: str, picture: Image) -> list[Record]:
        """Partial records of one recogniser on one picture.

        Args:
            picture: uint8 [h, w, 3], of the size of the model input.

        Raises:
            PedbenchError: no such recogniser; the photo cannot be read.
        """
        key = name, image_id, hashlib.sha256(picture.tobytes()).digest()
        if key not in self._records:
            self._records = {k: v for k, v in self._records.items() if k[1] == image_id}
            self._records[key] = recognise_all(picture, self._truths(name, image_id))
        return self._records[key]

    def _open(self, name: str) -> RecogniserSet:
        recogniser = RECOGNISERS.get(name)()
        recognisers = RecogniserSet([recogniser])
        if recogniser.needs_gallery and not recognisers.unavailable:
            recognisers.enrol(list(self._gallery(recognisers)))
        return recognisers

    def _gallery(self, recognisers: RecogniserSet) -> Iterator[Truths]:
        for image_id in self.scored.ids:
            with contextlib.suppress(SampleError):
                yield self._of(recognisers, image_id)

    def _look(self, name: str, image_id: str) -> Truths:
        return self._of(self._recognisers(name), image_id)

    def _of(self, recognisers: RecogniserSet, image_id: str) -> Truths:
        sample = self.scored.load(image_id)
        size = ResizeLongestSide.get_preprocess_shape(*sample.image.shape[:2], self.img_size)
        return recognisers.truths(sample, size)


def as_received(model_input: Image, visible: NDArray[np.bool_]) -> Image:
    """The model input where it was seen, `FILLING` elsewhere: uint8 [h, w, 3]."""
    return np.where(visible[..., None], model_input, FILLING).astype(np.uint8)
