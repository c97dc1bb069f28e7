"""One reader of photos: the pixels that others read, or a refusal, never other pixels."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import cv2
import datasets
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from framework.errors import PedbenchError, SampleError
from framework.files.photos import Declared, read_photo
from framework.files.picture_file import LIMIT

GREY = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (8, 1))
COLOURS = np.stack([GREY, GREY[::-1, ::-1], np.full_like(GREY, 90)], axis=2)


def coded(picture: Image.Image | NDArray[Any], container: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file; an ``orientation`` goes to its EXIF."""
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture)
    if orientation := options.pop("orientation", None):
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = orientation
    buffer = io.BytesIO()
    picture.save(buffer, container, **options)
    return buffer.getvalue()


def tiff(values: NDArray[Any], **tags: int) -> bytes:
    """A TIFF whose tags, by number, say something else than Pillow writes."""
    content = coded(values, "TIFF")
    for number, value in tags.items():
        entry = struct.pack("<H", int(number[1:]))
        place = content.index(entry, 8)
        content = content[: place + 8] + struct.pack("<I", value) + content[place + 12 :]
    return content


def planes(values: NDArray[np.uint16]) -> bytes:
    """A TIFF of colours [3, H, W], one plane after the other."""
    content = io.BytesIO()
    tifffile.imwrite(content, values, photometric="rgb", planarconfig="separate")
    return content.getvalue()


def as_datasets_reads(content: bytes) -> NDArray[np.uint8]:
    """RGB of what `datasets` decodes, with the upper 8 of 16 bits and floats times 255."""
    picture = datasets.Image().decode_example({"bytes": content, "path": None})
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.array(picture) >> 8).astype(np.uint8))
    if picture.mode == "F":
        picture = Image.fromarray(np.rint(np.array(picture) * 255).astype(np.uint8))
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return np.array(picture.convert("RGB"))


CONTAINERS = {
    "1": ("PNG", "TIFF", "BMP", "GIF", "PPM"),
    "L": ("PNG", "TIFF", "JPEG", "WEBP", "BMP", "GIF", "PPM", "JPEG2000"),
    "LA": ("PNG", "TIFF", "WEBP"),
    "P": ("PNG", "TIFF", "BMP", "GIF"),
    "RGB": ("PNG", "TIFF", "JPEG", "WEBP", "BMP", "GIF", "PPM", "JPEG2000", "AVIF"),
    "RGBA": ("PNG", "TIFF", "WEBP"),
    "CMYK": ("TIFF", "JPEG"),
    "YCbCr": ("TIFF", "JPEG"),
    "I;16": ("PNG", "TIFF", "PPM"),
    "I;16B": ("PNG", "TIFF"),
    "I": ("TIFF",),
    "F": ("TIFF",),
}
OF_NO_SURE_RANGE = ("I;16", "I;16B", "I", "F")
TURNING = ("PNG", "TIFF", "JPEG", "WEBP")
CHANNELS = {"LA": 2, "RGB": 3, "YCbCr": 3, "RGBA": 4, "CMYK": 4}


@st.composite
def pictures(draw: st.DrawFn) -> tuple[str, bytes]:
    """Mode and file of a small picture of random pixels, palette, transparency and orientation."""
    mode = draw(st.sampled_from(sorted(CONTAINERS)))
    container = draw(st.sampled_from(CONTAINERS[mode]))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    options: dict[str, Any] = {}
    if mode.startswith("I"):
        values = rng.integers(0, draw(st.sampled_from([1, 256, 4096, 65536])), shape)
        kind = {"I;16": "<u2", "I;16B": ">u2", "I": "i4"}[mode]
        picture = Image.fromarray(values.astype(kind))
    elif mode == "F":
        scale = draw(st.sampled_from([1.0, 255.0, np.nan]))
        picture = Image.fromarray((rng.random(shape) * scale).astype(np.float32))
    elif mode == "1":
        picture = Image.fromarray(rng.random(shape) > 0.5)
    else:
        size = shape if mode in ("L", "P") else (*shape, CHANNELS[mode])
        values = rng.integers(0, 256, size, dtype=np.uint8)
        raw = "L" if mode == "P" else mode
        picture = Image.frombytes(raw, shape[::-1], values.tobytes())
        if mode == "P":
            picture = Image.frombytes("P", shape[::-1], values.tobytes())
            picture.putpalette(rng.integers(0, 256, 768, dtype=np.uint8).tobytes())
        if mode in ("L", "P", "RGB") and container == "PNG" and draw(st.booleans()):
            key = rng.integers(0, 256, 256, dtype=np.uint8).tobytes()
            options["transparency"] = {"L": 7, "P": key, "RGB": (1, 2, 3)}[mode]
    if container == "WEBP":
        options["lossless"] = draw(st.booleans())
    if container == "TIFF" and mode not in ("I;16B", "YCbCr"):
        options["compression"] = draw(st.sampled_from([None, "tiff_lzw", "tiff_deflate"]))
    if container in TURNING:
        options["orientation"] = draw(st.none() | st.integers(1, 8))
    return mode, coded(picture, container, **options)


@given(pictures())
@settings(max_examples=120, deadline=None)
def test_any_picture_is_read_as_datasets_reads_it_or_refused(case: tuple[str, bytes]) -> None:
    mode, content = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = read_photo(content, "photo.x")
        except SampleError:
            found = None
    if found is None:
        assert mode in OF_NO_SURE_RANGE
    else:
        assert np.array_equal(found, as_datasets_reads(content))


@pytest.mark.parametrize("container", ["PNG", "TIFF", "PPM"])
@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_16_bits_are_the_photo_in_8_bits(container: str, order: str) -> None:
    if container == "PPM" and order == ">u2":
        content = b"P5 32 8 65535\n" + (GREY.astype(">u2") * 257).tobytes()
    else:
        content = coded((GREY.astype(np.uint16) * 257).astype(order), container)
    assert np.array_equal(read_photo(content)[..., 1], GREY)


def test_other_depths_are_the_photo_in_8_bits() -> None:
    deep = (GREY.astype(np.uint16) * 16).astype(">u2").tobytes()
    assert np.array_equal(read_photo(b"P5 32 8 4095\n" + deep)[..., 0], GREY)
    content = coded(GREY.astype(np.uint16) * 257, "JPEG2000")
    assert np.array_equal(read_photo(content)[..., 0], GREY)


@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_16_bits_of_colour_are_the_photo_in_8_bits(ending: str) -> None:
    content = cv2.imencode(ending, COLOURS.astype(np.uint16) * 257)[1].tobytes()
    assert np.array_equal(read_photo(content), COLOURS[..., ::-1])


def test_floats_from_0_to_1_are_black_to_white() -> None:
    content = coded(GREY.astype(np.float32) / 255, "TIFF")
    assert np.array_equal(read_photo(content)[..., 2], GREY)


TWO = [Image.fromarray(GREY), Image.fromarray(GREY[:, ::-1].copy())]
REFUSED = {
    "12 of 16 bits": (coded(GREY.astype(np.uint16) * 16), "scale them to 0..65535"),
    "8 of 16 bits": (coded(GREY.astype(np.uint16), "TIFF"), "scale them to 0..65535"),
    "12 of 16 bits of colour": (
        cv2.imencode(".png", COLOURS.astype(np.uint16) * 16)[1].tobytes(),
        "scale them",
    ),
    "32-bit whole numbers": (coded(GREY.astype(np.int32), "TIFF"), "save it in 8 bits"),
    "floats to 255": (coded(GREY.astype(np.float32), "TIFF"), "not all in 0..1"),
    "negative floats": (coded(GREY / np.float32(255) - 0.5, "TIFF"), "not all in 0..1"),
    "not a number": (coded(np.full((4, 4), np.nan, np.float32), "TIFF"), "not all in 0..1"),
    "16 bits that count from white": (
        tiff(GREY.astype(np.uint16) * 257, t262=0),
        "counts from white",
    ),
    "floats that count from white": (
        tiff(GREY.astype(np.float32) / 255, t262=0),
        "counts from white",
    ),
    "16 bits in planes": (
        planes(np.stack([GREY] * 3).astype(np.uint16) * 257),
        "planes of 16 bits",
    ),
    "signed 8 bits": (coded(GREY, "TIFF", tiffinfo={339: 2}), "signed values"),
    "CIELAB": (coded(Image.new("LAB", (4, 4)), "TIFF"), "save it in sRGB"),
    "pages": (coded(TWO[0], "TIFF", save_all=True, append_images=TWO[1:]), "2 pictures"),
    "animated GIF": (coded(TWO[0], "GIF", save_all=True, append_images=TWO[1:]), "2 pictures"),
    "animated PNG": (coded(TWO[0], "PNG", save_all=True, append_images=TWO[1:]), "2 pictures"),
    "animated WebP": (coded(TWO[0], "WEBP", save_all=True, append_images=TWO[1:]), "2 pictures"),
    "Radiance": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 2\n" + bytes(16), "save it"),
    "text": (b"no picture", "cannot be read"),
    "nothing": (b"", "cannot be read"),
    "half a picture": (coded(COLOURS, "JPEG")[:500], "cannot be read"),
    "a program": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_certain_is_refused_by_name(case: str) -> None:
    content, said = REFUSED[case]
    with pytest.raises(SampleError, match=r"holiday\.x") as caught:
        read_photo(content, "holiday.x")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_signed_16_bit_tiff_is_refused() -> None:
    signed = Image.fromarray((GREY.astype(np.uint16) * 257).view(np.uint16))
    content = coded(signed, "TIFF", tiffinfo={339: 2})
    with pytest.raises(SampleError, match="save it in 8 bits"):
        read_photo(content, "x")


@pytest.mark.parametrize("transfer", [16, 18])
def test_high_dynamic_range_is_refused(transfer: int) -> None:
    content = coded(COLOURS)
    place = content.index(b"IDAT") - 4
    chunk = b"cICP" + bytes([9, transfer, 0, 1])
    tag = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(SampleError, match="high dynamic range"):
        read_photo(content[:place] + tag + content[place:], "x")


def test_the_first_picture_of_a_camera_file_is_the_photo() -> None:
    first, second = Image.fromarray(COLOURS), Image.fromarray(COLOURS[::-1].copy())
    content = coded(first, "MPO", save_all=True, append_images=[second])
    assert np.array_equal(read_photo(content), as_datasets_reads(content))


@pytest.mark.parametrize("container", TURNING)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_upright(container: str, orientation: int) -> None:
    options: dict[str, Any] = {"lossless": True} if container == "WEBP" else {}
    content = coded(COLOURS, container, orientation=orientation, **options)
    theirs = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(read_photo(content), theirs[..., ::-1])


@pytest.mark.parametrize("container", TURNING)
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_declared_size_decides_the_orientation(container: str, orientation: int) -> None:
    options: dict[str, Any] = {"lossless": True} if container == "WEBP" else {}
    content = coded(COLOURS, container, orientation=orientation, **options)
    stored = read_photo(content, orientation=Declared(width=32, height=8))
    upright = read_photo(content, orientation=Declared(width=8, height=32))
    assert np.array_equal(stored, as_datasets_reads(coded(COLOURS, container, **options)))
    assert np.array_equal(upright, as_datasets_reads(content))


@pytest.mark.parametrize("container", TURNING)
def test_an_orientation_that_the_declared_size_leaves_open_is_refused(container: str) -> None:
    square = COLOURS[:, :8]
    undecided = [
        (COLOURS, 2, Declared(32, 8)),
        (COLOURS, 3, Declared(32, 8)),
        (COLOURS, 4, Declared(32, 8)),
        (COLOURS, 6, Declared(None, None)),
        (square, 6, Declared(8, 8)),
    ]
    for pixels, orientation, declared in undecided:
        content = coded(pixels, container, orientation=orientation)
        with pytest.raises(
            SampleError, match=f"photo is turned by EXIF .orientation {orientation}"
        ):
            read_photo(content, orientation=declared)


def test_a_photo_without_a_turn_needs_no_declared_size() -> None:
    for orientation in (None, 1):
        content = coded(COLOURS, orientation=orientation)
        assert np.array_equal(read_photo(content, orientation=Declared(None, None)), COLOURS)


def header(width: int, height: int) -> bytes:
    """A PNG that ends behind its size."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    return start + struct.pack(">I", zlib.crc32(chunk)) + coded(COLOURS)[33:]


def test_a_photo_of_182_megapixels_is_refused_in_one_line() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for width in (14_000, 40_000):
            with pytest.raises(SampleError, match=rf"large\.png is {width}×13000, .* megapixels"):
                read_photo(header(width, 13_000), "large.png")


@pytest.mark.parametrize("container", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_the_limit_of_megapixels_is_our_own(
    monkeypatch: pytest.MonkeyPatch, container: str
) -> None:
    content = coded(COLOURS, container)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    monkeypatch.setenv(LIMIT, "0.0002")
    with pytest.raises(SampleError, match=r"limit of 0\.0002 with --max-megapixels"):
        read_photo(content)
    monkeypatch.setenv(LIMIT, "0.0003")
    assert read_photo(content).shape == COLOURS.shape
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("limit", ["many", "0", "-1", "nan"])
def test_a_senseless_limit_is_named(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv(LIMIT, limit)
    with pytest.raises(PedbenchError, match=f"PEDBENCH_MAX_MEGAPIXELS is '{limit}'"):
        read_photo(coded(COLOURS))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"is a folder: give a picture file"):
        read_photo(tmp_path)
    with pytest.raises(SampleError, match=r"nowhere\.png is missing"):
        read_photo(tmp_path / "nowhere.png")
