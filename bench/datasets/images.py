"""Reading masks that are pictures, with errors that name the file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from bench.datasets.base import SampleError


def read_values(source: Path | bytes, name: str) -> NDArray[np.integer]:
    """Values of a mask or label picture, [H, W]; 0 is background.

    A lossy picture cannot hold labels and is cut at half; colours are labels of their own;
    255 of a palette is void, as in PASCAL VOC.

    Raises:
        SampleError: no such file, or not a complete picture.
    """
    with _open(source, name) as picture:
        if picture.format == "JPEG":
            return (np.array(picture.convert("L")) >= 128).astype(np.uint8)
        if picture.mode == "P":
            indices = np.array(picture)
            return np.where(indices == 255, np.uint8(0), indices)
        if picture.mode in ("RGB", "RGBA"):
            rgb = np.array(picture.convert("RGB")).astype(np.int32)
            return rgb @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)
        if picture.mode == "LA":
            picture = picture.convert("L")
        return np.array(picture).astype(np.int32)


def _open(source: Path | bytes, name: str) -> PilImage.Image:
    """A decoded picture.

    Decoders raise errors of many kinds on damaged files, so all are caught.
    """
    if isinstance(source, Path) and not source.is_file():
        raise SampleError(f"image {name} is missing: restore the file or drop it from the list")
    try:
        picture = PilImage.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        picture.load()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise SampleError(f"image {name} cannot be read ({reason}): replace the file") from error
    return picture
