"""Windows of other photos beside the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import ceil
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from framework.errors import PedbenchError
from framework.files.photos import read_photo
from framework.split.defences.base import DEFENCES, Defence

Picture = NDArray[np.uint8]

SMALLEST_CROP = 0.6
"""Side of the crop that becomes a decoy picture, relative to the largest that fits the photo."""
THUMBNAIL = 8
ALIKE = 0.9
"""Correlation of thumbnails from which two pictures count as the same motif."""


@DEFENCES.register("decoys")
class Decoys(Defence):
    """Sends windows of other photos, encoded alike, of which the answers are dropped.

    Which windows, and to whom, is decided in `framework.split.decoys`. Without photos of one's own
    the decoys are photos that scikit-image carries, which an attacker has too.

    Args:
        strength: decoy windows for each real one that a server gets.
        photos: from which decoy pictures are cut: files, or uint8 [height, width, 3] each.

    Raises:
        PedbenchError: there is no photo, or one of another form.
    """

    axis = "decoys for each real window"
    summary = "windows of other photos beside the real ones; strength: decoys for each real one"

    def __init__(
        self, strength: float | None = None, photos: Sequence[Picture | Path] | None = None
    ) -> None:
        super().__init__(strength)
        self.photos = None if photos is None else tuple(map(_picture, photos))
        if self.photos == ():
            raise PedbenchError("decoys need photos: give at least one, or None for packaged ones")

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        return tokens

    def decoy_pictures(self, frame: Picture, rng: np.random.Generator) -> list[Picture]:
        """One picture for each decoy that a real window may have, of the size of ``frame``.

        A photo that shows what ``frame`` shows is passed over unless there is no other.
        """
        count = ceil(self.strength)
        photos = self.photos or packaged_photos()
        others = [photo for photo in photos if count and not _alike(photo, frame)] or photos
        size = (frame.shape[0], frame.shape[1])
        order = rng.permutation(len(others))
        return [_crop(others[order[i % len(others)]], size, rng) for i in range(count)]


def _picture(photo: Picture | Path) -> Picture:
    if isinstance(photo, Path):
        return read_photo(photo)
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise PedbenchError(
            f"a photo for decoys is {photo.dtype} {list(photo.shape)}: give uint8 [H, W, 3]"
        )
    return photo


@cache
def packaged_photos() -> tuple[Picture, ...]:
    """Colour photos of the scikit-image wheel."""
    names = ("astronaut", "chelsea", "coffee", "rocket")
    return tuple(np.asarray(getattr(skimage.data, name)()) for name in names)


def _crop(photo: Picture, size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """A random crop of the aspect of ``size`` (height, width), resized to it, perhaps mirrored."""
    scale = rng.uniform(SMALLEST_CROP, 1) * min(photo.shape[0] / size[0], photo.shape[1] / size[1])
    height, width = size[0] * scale, size[1] * scale
    top, left = rng.uniform(0, photo.shape[0] - height), rng.uniform(0, photo.shape[1] - width)
    box = (left, top, left + width, top + height)
    picture = Image.fromarray(photo).resize(size[::-1], Image.Resampling.BILINEAR, box)
    mirrored = np.asarray(picture)[:, ::-1] if rng.random() < 0.5 else np.asarray(picture)
    return np.array(mirrored, order="C")


def _alike(one: Picture, other: Picture) -> bool:
    first, second = (
        np.asarray(Image.fromarray(picture).resize((THUMBNAIL, THUMBNAIL))).ravel().astype(float)
        for picture in (one, other)
    )
    if first.std() == 0 or second.std() == 0:
        return False
    return bool(np.corrcoef(first, second)[0, 1] > ALIKE)
