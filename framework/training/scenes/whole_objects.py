"""Whole objects: masks that hold other masks of their photo, such as a person with garments.

Photos that mask a person and its parts teach what one prompt should select among nested answers.
Cut out whole, such an object serves as a portrait before any other background.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framework.training.scenes.types import Image, Masks, Photo

HELD_SHARE = 0.9
"""A mask is a part of another that covers at least this share of it."""
FEWEST_PARTS = 3
TRIES = 6
"""Photos looked at before giving up."""
COARSE = 4
"""Every so many pixels are compared; parts are far larger."""


def whole_objects(masks: Masks) -> list[int]:
    """Indices of the masks (bool [n, height, width]) that hold at least three smaller ones."""
    if len(masks) <= FEWEST_PARTS:
        return []
    flat = masks[:, ::COARSE, ::COARSE].reshape(len(masks), -1).astype(np.float32)
    areas = flat.sum(axis=1)
    shared = flat @ flat.T
    held = (shared >= HELD_SHARE * areas[None]) & (areas[None] < areas[:, None]) & (areas[None] > 0)
    return [int(i) for i in np.flatnonzero(held.sum(axis=1) >= FEWEST_PARTS)]


def cut_out(photos: Sequence[Photo], rng: np.random.Generator) -> tuple[Image, Image] | None:
    """A whole object of a random photo, cut to its bounding box.

    Returns:
        Colours, uint8 [height, width, 3], and opacity, uint8 [height, width]; ``None`` where the
        photos drawn hold no whole object.
    """
    for _ in range(TRIES):
        photo = photos[int(rng.integers(len(photos)))]
        found = whole_objects(photo.masks)
        if not found:
            continue
        mask = photo.masks[found[int(rng.integers(len(found)))]]
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        return photo.image[window], mask[window].astype(np.uint8) * 255
    return None
