"""The one reader of masks that are pictures: labels for certain, or a refusal that names the file.

The rule of each form is in docs/data.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from bench.datasets.base import Mask
from bench.datasets.decode.levels import HIGH, has_mixed_values, is_soft_mask, is_solid
from framework.files.photos import counts_from_white
from framework.files.picture_file import PictureFile, open_picture, turned

Labels = NDArray[np.int64]
STEPS = {"L;2": 85, "L;4": 17}
"""Greys of 2 and 4 bits come scaled to 8."""
LABELS_BELOW = {255: 41, 65535: 20_000}
"""The last value of 8 or 16 bits is void beside labels that are all below these."""
MOSTLY = 0.5
"""Share of such labels' pixels inside their regions; noise has less."""
VOC_VOID = 0xE0E0C0
"""Colour of void in PASCAL VOC's palette."""
WHITE = 0xFFFFFF
OPAQUE = 255
LOSSY_SPREAD = 24
"""Levels by which compression may colour a grey."""
MIXED = (
    "is a mask whose values are mixed, by resizing or lossy compression, so that its labels are "
    "not certain: resize to the nearest value and save it as PNG"
)


def read_labels(source: Path | bytes, name: str) -> Labels:
    """Labels of a picture, [H, W], upright: 0 is background or void, each other one an instance.

    Args:
        source: a file or its bytes.
        name: what an error calls it.

    Raises:
        SampleError: as `open_picture`; or what its values mean is not certain.
    """
    return _labels(open_picture(source, name))


def read_mask(source: Path | bytes, name: str) -> Mask:
    """The mask [H, W] of a picture of one instance.

    Raises:
        SampleError: as `read_labels`; or it has several instances.
    """
    file = open_picture(source, name)
    labels = _labels(file)
    count = len(np.unique(labels[labels > 0]))
    if count > 1:
        file.refuse(f"has {count} labels where a mask of one instance is needed: split it")
    return labels > 0


def _labels(file: PictureFile) -> Labels:
    values, alpha = _values(file)
    if alpha is not None and len(np.unique(alpha)) == 1 and alpha.any():
        alpha = None
    if alpha is not None:
        values = _behind_alpha(file, values, alpha)
    if values.ndim == 2:
        return _of_levels(file, values)
    spread = int((values.max(axis=2) - values.min(axis=2)).max())
    if spread <= (LOSSY_SPREAD if file.lossy else 0):
        return _of_levels(file, values.max(axis=2))
    return _of_colours(file, values)


def _values(file: PictureFile) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    """Levels [H, W] or colours [H, W, 3] of an upright picture, and its alpha [H, W]."""
    picture = turned(file.picture, file.orientation)
    mode, keyed = picture.mode, "transparency" in picture.info
    if file.form.startswith("ppm"):
        file.refuse("is a mask whose values are scaled on reading: save it as PNG")
    if mode == "P":
        return _of_palette(file, picture)
    if mode in ("1", "L", "LA", "La", "RGB", "RGBA") and ";16" not in file.form:
        if keyed or mode == "La":
            picture = picture.convert("RGBA" if mode == "RGB" else "LA")
        pixels = np.array(picture)
        if picture.mode == "LA":
            return pixels[..., 0], pixels[..., 1]
        if picture.mode == "RGBA":
            return pixels[..., :3], pixels[..., 3]
        return pixels // STEPS.get(file.form[:3], 1), None
    if keyed or not mode.startswith(("I", "F")) or counts_from_white(file):
        file.refuse(f"is a mask stored as {file.form}: save it as PNG, grey, palette or RGB")
    return np.array(picture), None


def _of_palette(
    file: PictureFile, picture: Pillow.Image
) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    """Indices if index 0 alone is background, else colours if black is."""
    indices = np.array(picture)
    palette = _filled(np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3), 0)
    opacity = _opacity(picture)
    colours, used = palette[indices], np.unique(indices)
    black = {index for index in used if not palette[index].any() and opacity[index]}
    starts_with_background = not palette[0].any() or not opacity[0]
    if starts_with_background and not black - {0}:
        opacity[0] = OPAQUE
        grey = (palette[used] == palette[used, :1]).all()
        if grey and has_mixed_values(colours):
            return colours[..., 0], opacity[indices]
        if has_mixed_values(colours):
            file.refuse(MIXED)
        return indices, opacity[indices]
    if (starts_with_background and 0 in used) or (not black and opacity[used].all()):
        file.refuse("is a mask whose palette has no certain background: make index 0 black")
    return colours, opacity[indices]


def _opacity(picture: Pillow.Image) -> NDArray[np.uint8]:
    """Alpha of each index of a palette, [256]."""
    key = picture.info.get("transparency", b"")
    alpha = _filled(np.frombuffer(key if isinstance(key, bytes) else b"", np.uint8), OPAQUE)
    if isinstance(key, int):
        alpha[key] = 0
    return alpha


def _filled(values: NDArray[np.uint8], value: int) -> NDArray[np.uint8]:
    """Up to 256 rows, filled up to 256."""
    filled = np.full((256, *values.shape[1:]), value, np.uint8)
    filled[: len(values)] = values
    return filled


def _behind_alpha(
    file: PictureFile, values: NDArray[Any], alpha: NDArray[np.uint8]
) -> NDArray[Any]:
    """Values of what is opaque; alpha itself where all of that has one value."""
    seen = values[alpha > 0]
    if not alpha.any() and len(np.unique(values)) > 1:
        file.refuse("is a mask that is transparent everywhere: save it without alpha")
    if not len(seen) or (seen == seen[0]).all():
        if alpha.any() and (alpha.max() < HIGH * OPAQUE or not is_soft_mask(alpha / OPAQUE)):
            file.refuse(MIXED)
        return np.where(alpha > OPAQUE / 2, np.uint8(OPAQUE), np.uint8(0))
    black = ~seen.any(axis=-1) if seen.ndim == 2 else seen == 0
    if black.any() or ((alpha > 0) & (alpha < OPAQUE)).any():
        file.refuse("is a mask in which both values and alpha change: save it without alpha")
    hidden = alpha == 0
    return np.where(hidden if values.ndim == 2 else hidden[..., None], values.dtype.type(0), values)


def _of_levels(file: PictureFile, levels: NDArray[Any]) -> Labels:
    """Labels of levels [H, W]; one mask where its edges are soft or its compression is lossy."""
    if not np.isfinite(levels).all() or levels.min() < 0:
        file.refuse("is a mask with values below 0 or that are no numbers: number it from 0")
    whole = not np.issubdtype(levels.dtype, np.floating) or (levels == np.rint(levels)).all()
    if not levels.any():
        return np.zeros(levels.shape, np.int64)
    if not file.lossy and whole and not has_mixed_values(levels):
        return _without_void(file, levels.astype(np.int64))
    scales = (255, 65535) if whole else (1, 255)
    white = next((w for w in scales if HIGH * w <= levels.max() <= w), None)
    if white is None or not is_soft_mask(levels / white):
        file.refuse(MIXED)
    return (levels > white / 2).astype(np.int64)


def _without_void(file: PictureFile, labels: Labels) -> Labels:
    """Labels with void as 0."""
    values = np.unique(labels)
    top, others = int(values[-1]), values[:-1][values[:-1] > 0]
    if len(values) == 2 and len(others):
        file.refuse(f"is a mask of {others[0]} and {top}, without 0 for background: number it")
    if top not in LABELS_BELOW or not len(others):
        return labels
    beside = (labels > 0) & (labels < top)
    if others[-1] >= LABELS_BELOW[top] or is_solid(labels)[beside].mean() < MOSTLY:
        file.refuse(
            f"is a mask in which {top} may be void or an instance: number instances from 1, with "
            f"0 for void, or {top} for void and all others below {LABELS_BELOW[top]}"
        )
    return np.where(labels == top, 0, labels)


def _of_colours(file: PictureFile, colours: NDArray[np.uint8]) -> Labels:
    """Each colour but black and VOC's void as a label, red in its highest byte."""
    if file.lossy or has_mixed_values(colours):
        file.refuse(MIXED)
    labels = colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    values = np.unique(labels)
    if values[0] != 0 and (len(values) == 2 or values[-1] == WHITE):
        file.refuse("is a mask in colours without black for background: number its instances")
    return np.where(labels == VOC_VOID, 0, labels) if len(values) > 1 else labels
