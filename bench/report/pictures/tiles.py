"""Single pictures of a strip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from bench.runner.evaluation.pictures import SEEN, TRUTH, VISIBLE, greyed
from framework.errors import SampleError
from framework.files.picture_file import open_picture

Image = NDArray[np.uint8]

OWNER_COLOURS = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (86, 180, 233),
    (230, 159, 0),
    (140, 140, 140),
)
OWNER_SIDE = 512


@dataclass(frozen=True)
class Tile:
    """One picture of a strip.

    Attributes:
        name: what it shows.
        kind: ``truth``, ``owners``, ``seen``, ``mask``, or the kind of an attack.
        picture: uint8 [h, w, 3].
        scores: hidden-region scores by metric; empty for what is no reconstruction.
        leaks_most: whether no attack, controls aside, comes closer in the hidden region.
        attack: that made it; empty for what is no reconstruction.
    """

    name: str
    kind: str
    picture: Image
    scores: dict[str, float]
    leaks_most: bool = False
    attack: str = ""


def optional(picture: Image | None, name: str, kind: str) -> list[Tile]:
    """A picture as the only tile of a list; an empty list where there is none."""
    return [] if picture is None else [Tile(name, kind, picture, {})]


def read_picture(path: Path) -> Image | None:
    """A PNG as uint8 [h, w, 3]; None where it is missing or damaged."""
    try:
        return np.asarray(open_picture(path, str(path)).picture.convert("RGB"))
    except SampleError:
        return None


def read_seen(place: Path) -> Image | None:
    """What a coalition saw, uint8 [h, w, 3], from the folder of its pictures.

    Made from the original where runs kept it compactly; None where nothing tells.
    """
    seen = read_picture(place / SEEN)
    if seen is not None:
        return seen
    visible, truths = read_picture(place / VISIBLE), (place / TRUTH, place.parent / TRUTH)
    truth = next((found for path in truths if (found := read_picture(path)) is not None), None)
    if truth is None or visible is None or truth.shape != visible.shape:
        return None
    return greyed(truth, visible[..., 0] > 0)


def draw_owners(truth: Image, windows: list[list[int]]) -> Image:
    """The frame with each window tinted and numbered by the shard that has it.

    Args:
        truth: uint8 [h, w, 3].
        windows: rows of y0, x0, y1, x1 (frame pixels) and owner.
    """
    scale = max(1, round(OWNER_SIDE / max(truth.shape[:2])))
    size = truth.shape[1] * scale, truth.shape[0] * scale
    base = Pillow.fromarray(truth).resize(size, Pillow.Resampling.LANCZOS).convert("RGBA")
    layer = Pillow.new("RGBA", base.size)
    draw = ImageDraw.Draw(layer)
    for y0, x0, y1, x1, owner in windows:
        if y1 <= y0 or x1 <= x0:
            continue
        colour = OWNER_COLOURS[owner % len(OWNER_COLOURS)]
        box = (x0 * scale, y0 * scale, x1 * scale - 1, y1 * scale - 1)
        draw.rectangle(box, fill=(*colour, 120), outline=(255, 255, 255, 210), width=scale)
        side = min(x1 - x0, y1 - y0) * scale
        font = ImageFont.load_default(size=max(11, min(34, side // 2)))
        centre = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        draw.text(
            centre,
            str(owner + 1),
            (255, 255, 255),
            font,
            anchor="mm",
            stroke_width=2,
            stroke_fill=(0, 0, 0, 150),
        )
    return np.asarray(Pillow.alpha_composite(base, layer).convert("RGB"))
