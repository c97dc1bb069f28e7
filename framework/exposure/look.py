"""What a picture looks like, so that a copy of it is known again."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

HASH_BITS = 64

SURE = 6
"""Hash bits that may differ where nothing else confirms it; measured: no false alarms."""

NEAR = 10
"""Hash bits by which copies differ at most, where they were made small, noisy or coarse."""


class Look:
    """Perceptual hashes of a picture, computed when they are first asked for.

    Args:
        picture: uint8 [height, width, 3].
    """

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self._picture = picture

    @cached_property
    def bits(self) -> int:
        """The hash of the picture as it is."""
        return _hash(self._small)

    @cached_property
    def turned(self) -> tuple[int, ...]:
        """Hashes of the picture mirrored and turned: the seven other ways to lay it down."""
        turns = [np.rot90(side, k) for side in (self._small, self._small.T) for k in range(4)]
        return tuple(_hash(turn) for turn in turns[1:])

    @cached_property
    def _small(self) -> NDArray[np.float64]:
        return thumbnail(self._picture, 32)


def distance(one: int, other: int) -> int:
    """Hash bits that differ."""
    return (one ^ other).bit_count()


def perceptual_hash(picture: NDArray[np.uint8]) -> int:
    """64 bits that barely change with size, compression, brightness or a slight crop.

    Signs, about their median, of the lowest cosine coefficients of a 32 × 32 grey thumbnail
    (pHash; Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010).
    """
    return _hash(thumbnail(picture, 32))


def thumbnail(picture: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """Mean grey levels, [side, side]."""
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(np.float64)


def _hash(small: NDArray[np.float64]) -> int:
    low = dctn(small, norm="ortho")[:9, :9].ravel()[1 : HASH_BITS + 1]
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big")
