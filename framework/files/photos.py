"""The one reader of photos: any file as 8-bit RGB, or a refusal that names it.

The rule of each form is in docs/data.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from framework.files.picture_file import PHOTOMETRIC, PictureFile, open_picture, turned

Photo = NDArray[np.uint8]
LEAST_OF_16_BITS = 1 << 14
"""Values of 16 bits that stay below this may be of fewer bits: 8, 10, 12 or 14."""
WHITE_IS_ZERO = 0


@dataclass(frozen=True)
class Declared:
    """What annotations say of the photo that they were drawn on, pixels; ``None``: nothing."""

    width: int | None
    height: int | None


Orientation = Literal["upright"] | Declared
"""``"upright"``: turned as EXIF says, as viewers do; `Declared`: as its size tells, see
`read_photo`."""


def read_photo(
    source: Path | bytes, name: str | None = None, *, orientation: Orientation = "upright"
) -> Photo:
    """A photo as RGB, uint8 [H, W, 3].

    A photo that EXIF turns is turned, except where annotations may have been drawn on the pixels
    as stored. Then their `Declared` size decides: that of the upright photo, or that of the stored
    one. Where it fits both or is not given, the photo is refused. Where it fits neither, the photo
    is upright, and the caller finds the other size.

    Args:
        source: a file or its bytes.
        name: what an error calls it; by default the path.
        orientation: which way up.

    Raises:
        SampleError: as `open_picture`; or its pixels or its orientation are not certain.
    """
    file = open_picture(source, name or (str(source) if isinstance(source, Path) else "photo"))
    picture = _rgb(file)
    if not _drawn_as_stored(file, orientation):
        picture = turned(picture, file.orientation)
    return np.array(picture)


def _rgb(file: PictureFile) -> Pillow.Image:
    """8-bit RGB as stored; alpha is dropped, colour profiles are not applied."""
    picture, mode = file.picture, file.picture.mode
    if mode == "F":
        return _grey(file, _of_floats(file))
    if mode.startswith("I"):
        return _grey(file, _of_16_bits(file))
    if mode == "LAB" or file.form.startswith("CMYK;16"):
        file.refuse(f"is stored as {file.form}, which cannot be read for certain: save it in sRGB")
    if mode in ("P", "PA", "La") or "transparency" in picture.info:
        picture = picture.convert({"La": "LA"}.get(mode, "RGBA"))
    picture = picture.convert("RGB")
    if ";16" in file.form:
        _check_full_range(file, (int(np.asarray(picture).max()) << 8) + 1)
    return picture


def _grey(file: PictureFile, levels: NDArray[np.uint8]) -> Pillow.Image:
    if counts_from_white(file):
        file.refuse(f"counts from white in {file.form}: save it with black as 0")
    return Pillow.fromarray(levels).convert("RGB")


def counts_from_white(file: PictureFile) -> bool:
    """Whether a TIFF says that 0 is white, which Pillow heeds up to 8 bits."""
    return getattr(file.picture, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO


def _of_16_bits(file: PictureFile) -> NDArray[np.uint8]:
    """The upper 8 of 16 bits, as Pillow and libpng's strip take them of colours."""
    values = np.array(file.picture)
    if file.form == "I;12":
        return (values >> 4).astype(np.uint8)
    unsigned = file.picture.mode.startswith("I;16") or file.picture.format in ("PNG", "PPM")
    if not unsigned:
        file.refuse(f"has grey levels of {file.form}, of no known range: save it in 8 bits")
    _check_full_range(file, int(values.max()))
    return (values >> 8).astype(np.uint8)


def _check_full_range(file: PictureFile, greatest: int) -> None:
    if 0 < greatest < LEAST_OF_16_BITS:
        file.refuse(
            f"has 16 bits but no value above {greatest}: it is very dark, or its values have fewer "
            "bits: scale them to 0..65535, or save it in 8 bits"
        )


def _of_floats(file: PictureFile) -> NDArray[np.uint8]:
    """Floats are 0 for black to 1 for white."""
    values = np.array(file.picture)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        file.refuse("has floats that are not all in 0..1: scale them, or save it in 8 bits")
    return np.rint(values * 255).astype(np.uint8)


def _drawn_as_stored(file: PictureFile, orientation: Orientation) -> bool:
    """Whether annotations belong to the stored pixels."""
    if orientation == "upright" or file.orientation == 1:
        return False
    stored = file.picture.size
    upright = stored[::-1] if file.orientation >= 5 else stored
    declared = (orientation.width, orientation.height)
    if None in declared or (declared == stored == upright):
        file.refuse(
            f"is turned by EXIF (orientation {file.orientation}), and the declared size does not "
            "tell whether its masks were drawn before or after: save it without EXIF, turned as "
            "its masks are"
        )
    return declared == stored
