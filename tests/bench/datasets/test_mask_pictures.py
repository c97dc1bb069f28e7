"""One reader of mask pictures: the instances that were drawn, or a refusal, never others."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from scipy import ndimage

from bench.datasets.decode.mask_pictures import read_labels, read_mask
from framework.errors import SampleError

H, W = 40, 60
ROUND = (np.hypot(*(np.indices((H, W)) - np.array([[[18]], [[25]]]))) < 12).astype(np.uint8)
TWO = ROUND.copy()
TWO[25:38, 40:58] = 2


def coded(pixels: NDArray[Any] | Image.Image, container: str = "PNG", **options: Any) -> bytes:
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    if orientation := options.pop("orientation", None):
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = orientation
    buffer = io.BytesIO()
    picture.save(buffer, container, **options)
    return buffer.getvalue()


def palette(indices: NDArray[np.uint8], *colours: tuple[int, int, int]) -> Image.Image:
    picture = Image.frombytes("P", indices.shape[::-1], indices.tobytes())
    picture.putpalette([level for colour in colours for level in colour])
    return picture


def coloured(labels: NDArray[np.uint8], *colours: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.array(colours, np.uint8)[labels]


BLACK, WHITE, RED, GREEN = (0, 0, 0), (255, 255, 255), (200, 0, 0), (0, 90, 0)
ALPHA = ROUND * np.uint8(255)
NOTHING = np.zeros_like(ROUND)

ONE_INSTANCE = {
    "0 and 1": coded(ROUND),
    "0 and 255": coded(ALPHA),
    "0 and 255 in TIFF": coded(ALPHA, "TIFF"),
    "0 and 255 in BMP": coded(ALPHA, "BMP"),
    "1 bit": coded(ROUND > 0),
    "1 bit in TIFF, from white": coded(ROUND > 0, "TIFF", tiffinfo={262: 0}),
    "16 bits": coded(ROUND.astype(np.uint16) * 65535),
    "floats": coded(ROUND.astype(np.float32), "TIFF"),
    "floats to 255": coded(ALPHA.astype(np.float32), "TIFF"),
    "RGB, black and white": coded(coloured(ROUND, BLACK, WHITE)),
    "RGB, black and red": coded(coloured(ROUND, BLACK, RED)),
    "alpha over black": coded(np.dstack([NOTHING, NOTHING, NOTHING, ALPHA])),
    "alpha over white": coded(np.dstack([np.full((H, W, 3), 255, np.uint8), ALPHA])),
    "alpha over grey": coded(
        Image.merge("LA", [Image.new("L", (W, H), 90), Image.fromarray(ALPHA)])
    ),
    "alpha and colour": coded(np.dstack([coloured(ROUND, BLACK, RED), ALPHA])),
    "opaque alpha": coded(np.dstack([coloured(ROUND, BLACK, RED), np.full_like(ALPHA, 255)])),
    "alpha in WebP": coded(
        np.dstack([NOTHING, NOTHING, NOTHING, ALPHA]), "WEBP", lossless=True, exact=True
    ),
    "palette": coded(palette(ROUND, BLACK, RED)),
    "palette of 255": coded(Image.fromarray(ALPHA).convert("P")),
    "palette that starts with white": coded(palette(1 - ROUND, WHITE, BLACK)),
    "quantised": coded(Image.fromarray(coloured(ROUND, BLACK, WHITE)).quantize(2)),
    "quantised GIF": coded(Image.fromarray(ALPHA).quantize(2), "GIF"),
    "palette with a transparent first": coded(palette(ROUND, WHITE, RED), transparency=0),
    "VOC's void": coded(np.where(TWO == 2, np.uint8(255), ROUND)),
    "VOC's void in a palette": coded(
        palette(np.where(TWO == 2, np.uint8(255), ROUND), BLACK, *[RED] * 254, (224, 224, 192))
    ),
    "VOC's void in colours": coded(coloured(TWO, BLACK, RED, (224, 224, 192))),
    "JPEG": coded(ALPHA, "JPEG", quality=60),
    "JPEG in RGB": coded(coloured(ROUND, BLACK, WHITE), "JPEG", quality=80),
    "lossy WebP": coded(ALPHA, "WEBP", quality=80),
    "JPEG in a TIFF": coded(ALPHA, "TIFF", compression="jpeg"),
    "JPEG saved as PNG": coded(Image.open(io.BytesIO(coded(ALPHA, "JPEG", quality=60)))),
}


@pytest.mark.parametrize("form", ONE_INSTANCE)
def test_a_mask_of_one_instance_is_that_mask(form: str) -> None:
    labels = read_labels(ONE_INSTANCE[form], "mask.x")
    assert len(np.unique(labels)) == 2
    close = "JPEG" in form or "lossy" in form
    assert (read_mask(ONE_INSTANCE[form], "mask.x") != ROUND).sum() <= (12 if close else 0)


TWO_INSTANCES = {
    "grey": coded(TWO),
    "2 bits": coded(TWO, bits=2),
    "4 bits": coded(palette(TWO, BLACK, RED, GREEN), bits=4),
    "16 bits": coded(TWO.astype(np.uint16) * 300),
    "16 bits, big-endian": coded(TWO.astype(">u2") * 300, "TIFF"),
    "32 bits": coded(TWO.astype(np.int32) * 26_001, "TIFF"),
    "floats": coded(TWO.astype(np.float32), "TIFF"),
    "palette": coded(palette(TWO, BLACK, RED, GREEN)),
    "RGB": coded(coloured(TWO, BLACK, RED, GREEN)),
    "RGB behind alpha": coded(
        np.dstack([coloured(TWO, WHITE, RED, GREEN), np.minimum(TWO, 1) * np.uint8(255)])
    ),
    "void beside them": coded(np.where(np.arange(W) < 3, np.uint8(255), TWO)),
}


@pytest.mark.parametrize("form", TWO_INSTANCES)
def test_each_label_is_an_instance(form: str) -> None:
    labels = read_labels(TWO_INSTANCES[form], "labels.x")
    values = [value for value in np.unique(labels) if value]
    masks = sorted((labels == value for value in values), key=np.sum)
    expected = sorted((TWO == 1, TWO == 2), key=np.sum)
    assert np.array_equal(masks, expected)
    with pytest.raises(SampleError, match=r"labels\.x has 2 labels"):
        read_mask(TWO_INSTANCES[form], "labels.x")


def photo() -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, 1, (H, W, 3))
    smooth = ndimage.gaussian_filter(noise, (3, 3, 0))
    return np.clip(128 + 400 * smooth, 0, 255).astype(np.uint8)


def resized(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.array(Image.fromarray(pixels).resize((97, 71), Image.Resampling.BILINEAR))


UNCERTAIN = {
    "labels resized bilinearly": coded(resized(TWO * np.uint8(100))),
    "colours resized bilinearly": coded(resized(coloured(TWO, BLACK, RED, GREEN))),
    "a palette of mixed colours": coded(
        Image.fromarray(resized(coloured(TWO, BLACK, RED, GREEN))).quantize(32)
    ),
    "labels in JPEG": coded(TWO, "JPEG"),
    "grey labels in JPEG": coded(TWO * np.uint8(100), "JPEG"),
    "colours in JPEG": coded(coloured(TWO, BLACK, RED, GREEN), "JPEG"),
    "a photo": coded(photo()),
    "a grey photo": coded(photo()[..., 0].copy()),
    "a photo cut out by alpha": coded(np.dstack([photo(), ALPHA])),
    "a mask beside alpha": coded(np.dstack([coloured(ROUND, BLACK, WHITE), ALPHA.T.reshape(H, W)])),
    "transparent everywhere": coded(np.dstack([coloured(ROUND, BLACK, WHITE), NOTHING])),
    "255 that may be an instance": coded(np.array([0, 85, 255], np.uint8)[TWO]),
    "two values without 0": coded(ROUND + np.uint8(1)),
    "two colours without black": coded(coloured(ROUND, (68, 1, 84), (253, 231, 37))),
    "colours on white": coded(coloured(TWO, WHITE, RED, GREEN)),
    "a palette without background": coded(palette(TWO, WHITE, RED, GREEN)),
    "a palette with two blacks": coded(palette(TWO, BLACK, BLACK, GREEN)),
    "CMYK": coded(Image.fromarray(coloured(TWO, BLACK, RED, GREEN)).convert("CMYK"), "TIFF"),
    "negative": coded(TWO.astype(np.int32) - 1, "TIFF"),
    "not a number": coded(np.where(TWO == 1, np.nan, TWO).astype(np.float32), "TIFF"),
    "fractions": coded(TWO.astype(np.float32) / 3, "TIFF"),
    "a PGM of 20 levels": b"P5 2 2 20\n\x01\x02\x03\x14",
    "pages": coded(ROUND, "TIFF", save_all=True, append_images=[Image.fromarray(TWO)]),
}


@pytest.mark.parametrize("form", UNCERTAIN)
def test_a_mask_that_is_not_certain_is_refused_by_name(form: str) -> None:
    with pytest.raises(SampleError, match=r"masks/one\.x ") as caught:
        read_labels(UNCERTAIN[form], "masks/one.x")
    assert "\n" not in str(caught.value)


def test_an_empty_mask_is_empty_and_a_full_one_full() -> None:
    for container in ("PNG", "JPEG", "TIFF", "WEBP"):
        assert not read_mask(coded(NOTHING, container), "x").any()
        assert read_mask(coded(NOTHING + np.uint8(255), container), "x").all()


RESAMPLING = [
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
]


@st.composite
def blobs(draw: st.DrawFn, most: int) -> NDArray[np.uint8]:
    """Labels 0 to at most ``most``: rectangles and discs over each other."""
    height, width = draw(st.integers(12, 48)), draw(st.integers(12, 48))
    labels = np.zeros((height, width), np.uint8)
    rows, columns = np.indices(labels.shape)
    for label in range(1, draw(st.integers(1, most)) + 1):
        y, x = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        tall, wide = draw(st.integers(3, 24)), draw(st.integers(3, 24))
        if draw(st.booleans()):
            labels[y : y + tall, x : x + wide] = label
        else:
            labels[np.hypot(rows - y, columns - x) < tall / 2] = label
    return labels


@given(blobs(1), st.sampled_from(RESAMPLING), st.integers(5, 140), st.integers(5, 140))
@settings(max_examples=60, deadline=None)
def test_a_resized_mask_is_cut_at_half_or_refused(
    labels: NDArray[np.uint8], how: Image.Resampling, width: int, height: int
) -> None:
    levels = np.array(Image.fromarray(labels * np.uint8(255)).resize((width, height), how))
    assume(ndimage.grey_erosion(levels, 3).max() == 255)
    try:
        found = read_labels(coded(levels), "x")
    except SampleError:
        return
    assert np.array_equal(found > 0, levels > 127)
    assert len(np.unique(found)) <= 2


@given(blobs(1), st.integers(20, 100), st.sampled_from(["JPEG", "WEBP", "AVIF"]))
@settings(max_examples=25, deadline=None)
def test_a_lossy_mask_is_cut_at_half_or_refused(
    labels: NDArray[np.uint8], quality: int, container: str
) -> None:
    content = coded(labels * np.uint8(255), container, quality=quality)
    try:
        found = read_mask(content, "x")
    except SampleError:
        return
    with Image.open(io.BytesIO(content)) as picture:
        assert (found != (np.array(picture.convert("L")) > 127)).mean() < 0.02


FORMS = ["grey", "16 bits", "32 bits", "floats", "palette", "RGB", "RGBA", "transparent"]
CONTAINERS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "TIFF": {"compression": "tiff_lzw"},
    "WEBP": {"lossless": True, "exact": True},
}


def stored(labels: NDArray[np.uint8], form: str) -> Image.Image:
    """Labels as a picture of a form, in colours that any order of indices must survive."""
    colours = np.random.default_rng(3).integers(1, 250, (256, 3), dtype=np.uint8)
    colours[0] = 0
    if form == "palette":
        return palette(labels, *map(tuple, colours.tolist()))
    if form.startswith(("RGB", "transparent")):
        alpha = np.minimum(labels, 1) if form == "transparent" else np.ones_like(labels)
        pixels = colours[labels]
        return Image.fromarray(
            pixels if form == "RGB" else np.dstack([pixels, alpha * np.uint8(255)])
        )
    kinds = {"grey": np.uint8, "16 bits": np.uint16, "32 bits": np.int32, "floats": np.float32}
    return Image.fromarray(labels.astype(kinds[form]))


@given(
    blobs(6),
    st.sampled_from(FORMS),
    st.sampled_from(sorted(CONTAINERS)),
    st.none() | st.integers(1, 8),
)
@settings(max_examples=60, deadline=None)
def test_labels_of_any_form_are_the_instances_that_pycocotools_counts(
    labels: NDArray[np.uint8], form: str, container: str, orientation: int | None
) -> None:
    if container == "WEBP" and form not in ("RGB", "RGBA", "transparent"):
        form = "RGB"
    if container == "PNG" and form in ("32 bits", "floats"):
        container = "TIFF"
    content = coded(
        stored(labels, form), container, orientation=orientation, **CONTAINERS[container]
    )
    try:
        found = read_labels(content, "x")
    except SampleError:
        return
    upright = turned(labels, orientation or 1)
    drawn = [upright == value for value in np.unique(labels) if value]
    read = [found == value for value in np.unique(found) if value]
    assert sorted(map(runs, read)) == sorted(map(runs, drawn))


def turned(labels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """By numpy alone."""
    return {
        1: labels,
        2: labels[:, ::-1],
        3: labels[::-1, ::-1],
        4: labels[::-1],
        5: labels.T,
        6: np.rot90(labels, -1),
        7: labels[::-1, ::-1].T,
        8: np.rot90(labels),
    }[orientation]


def runs(mask: NDArray[np.bool_]) -> tuple[bytes, float]:
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return encoded["counts"], float(coco_mask.area(encoded))
