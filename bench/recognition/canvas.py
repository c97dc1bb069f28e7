"""One size at which everything is looked at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import Image

SIDE = 1024
"""Longest side of the canvas in pixels: a face of 20 px in a frame of 256 becomes one of 80."""


def canvas_size(frame_size: tuple[int, int], side: int = SIDE) -> tuple[int, int]:
    """Height and width of the canvas of a frame: its shape, with the longest side ``side``."""
    factor = side / max(frame_size)
    return max(1, round(frame_size[0] * factor)), max(1, round(frame_size[1] * factor))


def on_canvas(picture: Image, frame_size: tuple[int, int], side: int = SIDE) -> Image:
    """A picture uint8 [h, w, 3] of any size, resized to the canvas of its frame.

    Bicubic where it grows, by area where it shrinks, as a large original may.
    """
    height, width = canvas_size(frame_size, side)
    grows = max(height, width) >= max(picture.shape)
    method = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def canvas_scale(frame_size: tuple[int, int], side: int = SIDE) -> NDArray[np.float32]:
    """Pixels of the canvas per pixel of the frame, for x0, y0, x1, y1: float32 [4]."""
    height, width = canvas_size(frame_size, side)
    x, y = width / frame_size[1], height / frame_size[0]
    return np.array([x, y, x, y], np.float32)
