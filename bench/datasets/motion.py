"""Scenes over time, made from one real photo: what keeps still, what moves, a camera that pans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.datasets import Sample
from bench.datasets.base import stack_masks
from bench.spec.cells import STATIC

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Shift = tuple[int, int]

CROP = 0.75
"""Side of what a panning camera sees, relative to the photo's."""
STEP = 1 / 40
"""How far a camera or an object moves in a frame, relative to the photo's side."""
OBJECT = 0.3
"""Side of a moving object, relative to the photo's."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a scene.

    Attributes:
        sample: the picture with its masks, at original resolution.
        places: for each object of the scene, by name, its offset (down, right) in pixels from
            where it stood in the first frame.
    """

    sample: Sample
    places: dict[str, Shift]


def film(sample: Sample, motion: str, count: int, seed: int) -> list[Frame]:
    """The first ``count`` frames of a scene; more frames begin with the same ones.

    Args:
        sample: the photo from which they are made.
        motion: one of `MOTIONS`.
        seed: of crops, objects and directions.

    Returns:
        Frames of one size. The ``image_id`` and ``scene`` stay the photo's.
    """
    return MOTIONS[motion](sample, count, np.random.default_rng(seed))


def _still(sample: Sample, count: int, rng: np.random.Generator) -> list[Frame]:
    """The photo itself, again and again."""
    return [Frame(sample, dict.fromkeys(sample.mask_ids, (0, 0)))] * count


def _pan(sample: Sample, count: int, rng: np.random.Generator) -> list[Frame]:
    """A crop that wanders over the photo and turns back at its edges."""
    height, width = sample.image.shape[:2]
    size = max(1, round(CROP * height)), max(1, round(CROP * width))
    path = _path((height - size[0], width - size[1]), (height, width), count, rng)
    frames = []
    for top, left in path:
        part = slice(top, top + size[0]), slice(left, left + size[1])
        shift = path[0][0] - top, path[0][1] - left
        masks = {name: m[part] for name, m in zip(sample.mask_ids, sample.masks, strict=True)}
        places = dict.fromkeys(sample.mask_ids, shift)
        frames.append(Frame(_sample(sample, sample.image[part], masks), places))
    return frames


def _object(sample: Sample, count: int, rng: np.random.Generator) -> list[Frame]:
    """An oval piece of the photo that moves over the rest of it."""
    height, width = sample.image.shape[:2]
    size = max(1, round(OBJECT * height)), max(1, round(OBJECT * width))
    room = height - size[0], width - size[1]
    top, left = (int(rng.integers(space + 1)) for space in room)
    piece = sample.image[top : top + size[0], left : left + size[1]]
    rows, columns = (np.linspace(-1, 1, side) for side in size)
    shape = rows[:, None] ** 2 + columns[None] ** 2 <= 1
    path = _path(room, (height, width), count, rng)
    frames = []
    for down, right in path:
        part = slice(down, down + size[0]), slice(right, right + size[1])
        image, moving = sample.image.copy(), np.zeros((height, width), bool)
        image[part][shape] = piece[shape]
        moving[part] = shape
        masks = {name: m & ~moving for name, m in zip(sample.mask_ids, sample.masks, strict=True)}
        places = dict.fromkeys(sample.mask_ids, (0, 0))
        places["moving"] = down - path[0][0], right - path[0][1]
        frames.append(Frame(_sample(sample, image, masks | {"moving": moving}), places))
    return frames


MOTIONS: dict[str, Callable[[Sample, int, np.random.Generator], list[Frame]]] = {
    STATIC: _still,
    "object": _object,
    "pan": _pan,
}
"""What a scene can do; the docstrings are what `pedbench list` says."""


def _path(room: Shift, side: Shift, count: int, rng: np.random.Generator) -> list[Shift]:
    """Places (down, right) from 0 to ``room``, one `STEP` apart, turning back at the ends."""
    angle = rng.uniform(0, 2 * np.pi)
    start = rng.uniform(0, 1, 2) * room
    speed = STEP * np.array([np.sin(angle), np.cos(angle)]) * side
    way = start + np.arange(count)[:, None] * speed
    ends = np.maximum(np.array(room, float), 1e-9)
    places = np.rint(ends - np.abs(way % (2 * ends) - ends)).astype(int)
    return [(int(down), int(right)) for down, right in places]


def _sample(photo: Sample, image: Image, masks: dict[str, Mask]) -> Sample:
    kept = {name: mask for name, mask in masks.items() if mask.any()}
    stacked = stack_masks(kept.values(), image.shape)
    return Sample(photo.image_id, np.ascontiguousarray(image), stacked, tuple(kept), photo.scene)
