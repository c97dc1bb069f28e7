"""What public photos alone say."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from attacks.base import Knowledge, PublicExample
from framework.errors import PedbenchError
from framework.models.build import PIXEL_MEAN, PedSam
from framework.split.edge import DistributedEncoder
from framework.transport.base import LocalShards


def mean_colour(public: Sequence[PublicExample]) -> NDArray[np.float32]:
    """Mean over all pixels of all public photos, float32 [3] in 0..255.

    Without photos, the mean that SAM normalises with, which everybody knows.
    """
    if not public:
        return np.array(PIXEL_MEAN, dtype=np.float32)
    total = sum(example.frame.sum(axis=(0, 1), dtype=np.float64) for example in public)
    pixels = sum(example.frame[..., 0].size for example in public)
    return (total / pixels).astype(np.float32)


def resized(image: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.float32]:
    """``image`` [h, w, 3] at ``size`` (height, width), float32: area mean down, bilinear up."""
    height, width = size
    shrinks = height * width < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    values = np.ascontiguousarray(image, dtype=np.float32)
    return cv2.resize(values, (width, height), interpolation=method).astype(np.float32, copy=False)


def require_public(knowledge: Knowledge, attack: str) -> None:
    """Check that there are public photos to learn from.

    Raises:
        PedbenchError: there are none.
    """
    if not knowledge.public:
        raise PedbenchError(f"attack '{attack}' learns from public photos: give it at least one")


def observe(sam: PedSam, frame: NDArray[np.uint8], plan: str, payload: str) -> PublicExample:
    """Send a public frame, uint8 [h, w, 3], through the system, all shards being one's own.

    Raises:
        PedbenchError: unknown plan or payload.
    """
    encoder = DistributedEncoder(sam, LocalShards(1), plan=plan, payload=payload, seed=0)
    encoder(frame)
    return PublicExample(frame, encoder.observation())
