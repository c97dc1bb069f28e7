"""Decoding picture files: which are accepted, and what a file says about its pixels."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from PIL import ExifTags
from PIL import Image as Pillow

from framework.errors import PedbenchError, SampleError, one_line

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")
LOSSY_FORMATS = ("JPEG", "MPO", "JPEG2000", "AVIF")
LOSSY_COMPRESSIONS = ("jpeg", "tiff_jpeg", "webp")
MEGAPIXELS = 150.0
"""Larger pictures are refused unless `LIMIT` says otherwise: 108-megapixel phones pass."""
LIMIT = "PEDBENCH_MAX_MEGAPIXELS"
HDR_TRANSFERS = (16, 18)
"""PQ and HLG among the transfer functions of ITU-T H.273."""
HEAD = 1 << 20
BITS, PHOTOMETRIC, PLANAR, SAMPLE_FORMAT = 258, 262, 284, 339
"""Tags of TIFF."""
SEPARATE, SIGNED = 2, 2
_guard = threading.Lock()


@dataclass(frozen=True)
class PictureFile:
    """A decoded picture.

    Attributes:
        picture: its pixels as they are stored.
        name: what an error calls it.
        form: how a sample is stored, e.g. ``"RGB;16B"``, as Pillow's decoders name it.
        orientation: EXIF's, 1 to 8: how a viewer turns it.
        lossy: whether its compression changes pixels.
    """

    picture: Pillow.Image
    name: str
    form: str
    orientation: int
    lossy: bool

    def refuse(self, reason: str) -> NoReturn:
        """Raise a `SampleError` that names the file."""
        raise SampleError(f"image {self.name} {reason}")


def turned(picture: Pillow.Image, orientation: int) -> Pillow.Image:
    """A picture turned as an EXIF orientation of 1 to 8 says."""
    turn = Pillow.Transpose
    turns = (
        turn.FLIP_LEFT_RIGHT,
        turn.ROTATE_180,
        turn.FLIP_TOP_BOTTOM,
        turn.TRANSPOSE,
        turn.ROTATE_270,
        turn.TRANSVERSE,
        turn.ROTATE_90,
    )
    return picture if orientation == 1 else picture.transpose(turns[orientation - 2])


def open_picture(source: Path | bytes, name: str) -> PictureFile:
    """Decode a file of one picture.

    Args:
        source: a file or its bytes.
        name: what an error calls it.

    Raises:
        SampleError: no such file, damaged, of another format, more than one picture, with high
            dynamic range, or larger than `max_megapixels`.
    """
    if isinstance(source, Path) and source.is_dir():
        raise SampleError(f"image {name} is a folder: give a picture file")
    if isinstance(source, Path) and not source.is_file():
        raise SampleError(f"image {name} is missing: restore the file or give another")
    limit = max_megapixels()
    Pillow.init()
    try:
        head = source[:HEAD] if isinstance(source, bytes) else _head(source)
        with _without_pillow_limit():
            picture: Pillow.Image = Pillow.open(
                io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS
            )
            _check_size(picture, name, limit)
            _check_kind(picture, name, head)
            form, orientation = _form(picture), _orientation(picture)
            lossy = _is_lossy(picture, head)
            picture.load()
    except SampleError:
        raise
    except Pillow.UnidentifiedImageError as error:
        raise SampleError(
            f"image {name} cannot be read (not a known kind of {', '.join(FORMATS)}): save it as "
            "PNG with 8 bits"
        ) from error
    except Exception as error:  # decoders raise errors of many kinds on damaged files
        raise SampleError(
            f"image {name} cannot be read ({one_line(error)}): replace the file"
        ) from error
    if picture.format == "TIFF":
        picture = turned(picture, {6: 8, 8: 6}.get(orientation, orientation))
    return PictureFile(picture, name, form, orientation, lossy)


def max_megapixels() -> float:
    """The largest picture that is read, from ``$PEDBENCH_MAX_MEGAPIXELS``.

    Raises:
        PedbenchError: it is no positive number.
    """
    text = os.environ.get(LIMIT) or str(MEGAPIXELS)
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if not limit > 0:
        raise PedbenchError(f"{LIMIT} is '{text}': give a positive number of megapixels")
    return limit


@contextmanager
def megapixel_limit(limit: float | None) -> Iterator[None]:
    """Within it `max_megapixels` is ``limit``, unless ``None``; child processes inherit it."""
    before = os.environ.get(LIMIT)
    if limit is not None:
        os.environ[LIMIT] = f"{limit!r}"
    try:
        yield
    finally:
        if before is not None:
            os.environ[LIMIT] = before
        elif limit is not None:
            del os.environ[LIMIT]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


@contextmanager
def _without_pillow_limit() -> Iterator[None]:
    """Pillow's own limit is a warning or an error without a flag; `_check_size` replaces it."""
    with _guard:
        before, Pillow.MAX_IMAGE_PIXELS = Pillow.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Pillow.MAX_IMAGE_PIXELS = before


def _check_size(picture: Pillow.Image, name: str, limit: float) -> None:
    width, height = picture.size
    if width * height > limit * 1e6:
        raise SampleError(
            f"image {name} is {width}×{height}, {width * height / 1e6:.1f} megapixels: reduce it, "
            f"or raise the limit of {limit:g} with --max-megapixels or {LIMIT}"
        )


def _check_kind(picture: Pillow.Image, name: str, head: bytes) -> None:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":
        raise SampleError(
            f"image {name} holds {frames} pictures, and which one counts is not known: save one"
        )
    if _is_hdr(picture, head):
        raise SampleError(f"image {name} has high dynamic range (PQ or HLG): save it in sRGB")
    if picture.format == "TIFF":
        _check_samples(getattr(picture, "tag_v2", {}), name)


def _check_samples(tags: Mapping[int, Any], name: str) -> None:
    """Refuse what Pillow decodes to other pixels."""
    samples = tags.get(BITS, (1,))
    bits = max(samples)
    if bits > 8 and len(samples) > 1 and tags.get(PLANAR) == SEPARATE:
        raise SampleError(f"image {name} has planes of {bits} bits: save it as PNG")
    if bits == 8 and SIGNED in tags.get(SAMPLE_FORMAT, ()):
        raise SampleError(f"image {name} has signed values of 8 bits: save them unsigned")


def _is_hdr(picture: Pillow.Image, head: bytes) -> bool:
    """Whether a PNG's or AVIF's tag names a transfer function of high dynamic range."""
    if picture.format == "PNG":
        _, found, after = head.partition(b"IDAT")[0].partition(b"cICP")
        return bool(found) and after[1] in HDR_TRANSFERS
    if picture.format == "AVIF":
        _, found, after = head.partition(b"colrnclx")
        return bool(found) and int.from_bytes(after[2:4], "big") in HDR_TRANSFERS
    return False


def _form(picture: Pillow.Image) -> str:
    tiles = getattr(picture, "tile", None)
    if tiles and tiles[0][0].startswith("ppm"):
        return str(tiles[0][0])
    args = tiles[0][3] if tiles else None
    form = args[0] if isinstance(args, tuple) and args else args
    return form if isinstance(form, str) else picture.mode


def _orientation(picture: Pillow.Image) -> int:
    """Other values than 1 to 8 mean nothing and count as upright, as viewers do."""
    found = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return found if found in range(1, 9) else 1


def _is_lossy(picture: Pillow.Image, head: bytes) -> bool:
    if picture.format == "WEBP":
        return b"VP8L" not in head
    return picture.format in LOSSY_FORMATS or picture.info.get("compression") in LOSSY_COMPRESSIONS
