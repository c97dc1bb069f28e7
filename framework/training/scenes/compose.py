"""Objects that no annotator drew: shapes of several parts, each filled from a photo.

They teach what a prompt asks for, one connected thing before a background that goes on behind it,
whatever its parts look like: photos with few masks teach it badly.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.training.scenes.texture import shade, texture
from framework.training.scenes.types import Image, Masks, Photo

PARTS = (1, 2, 3, 4, 5, 6)
PARTS_CHANCE = (0.3, 0.2, 0.2, 0.15, 0.1, 0.05)
UNION_SHARES = (0.02, 0.6)
"""Range of the share of the scene that a union of regions may fill."""


def composed_object(
    photos: Sequence[Photo], side: int, rng: np.random.Generator
) -> tuple[Image, Image, Image]:
    """A new object in a square of ``side`` px.

    Returns:
        Its colours, uint8 [side, side, 3]; its opacity, uint8 [side, side]; and that of its
        latest part alone, of the same shape.
    """
    colours: NDArray[np.floating] = np.zeros((side, side, 3), np.float32)
    opacity, part = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    for _ in range(rng.choice(PARTS, p=PARTS_CHANCE)):
        part = _part(opacity, rng)
        weight = part[..., None].astype(np.float32) / 255
        colours = weight * texture(photos, side, rng) + (1 - weight) * colours
        opacity = np.maximum(opacity, part)
    shaded = np.clip(colours * shade(side, rng), 0, 255).astype(np.uint8)
    return shaded, opacity, part


def region_union(masks: Masks, rng: np.random.Generator) -> Masks | None:
    """Two to four neighbouring regions as one, bool [height, width]; ``None`` if there are none."""
    if len(masks) < 2:
        return None
    grown = np.array([cv2.dilate(mask.astype(np.uint8), np.ones((5, 5))) for mask in masks], bool)
    union, inside = masks[first := rng.integers(len(masks))].copy(), {int(first)}
    for _ in range(rng.integers(1, 4)):
        touching = [i for i in range(len(masks)) if i not in inside and (grown[i] & union).any()]
        if not touching:
            break
        inside.add(chosen := int(rng.choice(touching)))
        union |= masks[chosen]
    union = cv2.morphologyEx(union.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3))) > 0
    fits = UNION_SHARES[0] <= union.mean() <= UNION_SHARES[1]
    return union if len(inside) > 1 and fits else None


def _part(body: Image, rng: np.random.Generator) -> Image:
    """Opacity of a smooth random shape that touches ``body``, or starts it."""
    side = len(body)
    begun = body.any()
    if begun:
        rows, columns = np.nonzero(body)
        pick = rng.integers(len(rows))
        centre = np.array([columns[pick], rows[pick]], float)
        radius = side * rng.uniform(0.06, 0.25)
    else:
        centre = side * rng.uniform(0.4, 0.6, 2)
        radius = side * rng.uniform(0.2, 0.42)
    return _blob(side, centre, radius, rng)


def _blob(
    side: int, centre: NDArray[np.floating], radius: float, rng: np.random.Generator
) -> Image:
    """A turned and stretched closed curve whose radius wavers, filled; or a polygon."""
    if rng.random() < 0.2:
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
        radii = rng.uniform(0.6, 1.2, len(angles))
    else:
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        radii = np.ones(64)
        for wave in range(2, rng.integers(3, 9)):
            radii += rng.normal(0, 0.35 / wave) * np.cos(wave * angles + rng.uniform(0, 2 * np.pi))
    stretch = np.exp(rng.normal(0, 0.45))
    points = np.stack([np.cos(angles) * stretch, np.sin(angles) / stretch]) * radii * radius
    turn = rng.uniform(0, np.pi)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    outline = np.round((matrix @ points).T + centre).astype(np.int32)
    return np.asarray(
        cv2.fillPoly(np.zeros((side, side), np.uint8), [outline], 255, cv2.LINE_AA), np.uint8
    )
