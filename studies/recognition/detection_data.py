"""Photos with the boxes of their objects, and the views of them that train a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.datasets import Dataset
from bench.metrics.base import Image
from bench.recognition.boxes import Boxes, areas, as_boxes, intersections
from bench.runner.evaluation.recognition import FILLING
from studies.annotations import annotations_of

INPUT = 256
"""Longest side of what is shown, pixels: that of the model input."""
WINDOW = 56
"""Side of the squares that are hidden, pixels: a window of ``tiny``."""
LEAST_INSIDE = 0.5
"""Part of an object that a crop must hold, for it to count."""
LEAST_SEEN = 0.25
"""Part of an object's box that must not be hidden, for it to count."""

Categories = Mapping[str, Sequence[str]]
"""Class → the categories of a data set that it stands for."""


@dataclass(frozen=True, eq=False)
class View:
    """A picture and what it shows.

    Attributes:
        image: uint8 [h, w, 3].
        boxes: float32 [n, 4], x0, y0, x1, y1 in parts of its sides.
        labels: int64 [n], places in the list of classes.
    """

    image: Image
    boxes: Boxes
    labels: NDArray[np.int64]


def labelled(data: Dataset, ids: Sequence[str], classes: Categories, whole: bool) -> list[View]:
    """The photos with their true boxes, from the masks of a COCO data set.

    Args:
        data: the data set.
        ids: of the photos.
        classes: what counts as what.
        whole: whether all parts of one category in a photo are one object, as of clothes that are
            worn, or each is one of its own.
    """
    content = annotations_of(data)
    numbers = {name: i for i, names in enumerate(classes.values()) for name in names}
    category = {entry["id"]: entry["name"] for entry in content["categories"]}
    names = {str(a["id"]): category[a["category_id"]] for a in content["annotations"]}
    views = []
    for image_id in ids:
        sample = data.load(image_id)
        height, width = sample.image.shape[:2]
        found: dict[object, tuple[str, NDArray[np.bool_]]] = {}
        for mask_id, mask in zip(sample.mask_ids, sample.masks, strict=True):
            name = names[mask_id]
            if name in numbers:
                key = name if whole else mask_id
                found[key] = (name, mask | found[key][1] if key in found else mask)
        boxes = as_boxes([box_of(mask) for _, mask in found.values()]) / as_boxes(
            [width, height, width, height]
        )
        labels = np.array([numbers[name] for name, _ in found.values()], np.int64)
        views.append(View(sample.image, as_boxes(boxes), labels))
    return views


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of a mask bool [h, w] that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def small(view: View, longest: int = INPUT) -> View:
    """The view with its longest side ``longest`` at most."""
    scale = min(1, longest / max(view.image.shape))
    size = round(view.image.shape[1] * scale), round(view.image.shape[0] * scale)
    image = np.asarray(cv2.resize(view.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return View(image, view.boxes, view.labels)


def flipped(view: View) -> View:
    """The mirror image."""
    x0, y0, x1, y1 = view.boxes.T
    boxes = np.stack([1 - x1, y0, 1 - x0, y1], axis=1)
    return View(np.ascontiguousarray(view.image[:, ::-1]), as_boxes(boxes), view.labels)


def cropped(view: View, rng: np.random.Generator) -> View:
    """A part of the view with 0.55 to 0.9 of its sides; objects stay of which half is inside."""
    height, width = view.image.shape[:2]
    share = rng.uniform(0.55, 0.9)
    h, w = round(height * share), round(width * share)
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    inside = np.array([x / width, y / height, (x + w) / width, (y + h) / height], np.float32)
    kept = intersections(view.boxes, inside[None])[:, 0] >= LEAST_INSIDE * areas(view.boxes)
    low, side = np.tile(inside[:2], 2), np.tile(inside[2:] - inside[:2], 2)
    boxes = np.clip((view.boxes[kept] - low) / side, 0, 1)
    return View(view.image[y : y + h, x : x + w], as_boxes(boxes), view.labels[kept])


def with_holes(view: View, rng: np.random.Generator) -> View:
    """The view with a quarter to three quarters of its windows hidden, and what is left of it."""
    height, width = view.image.shape[:2]
    rows, columns = -(-height // WINDOW), -(-width // WINDOW)
    hidden = rng.random((rows, columns)) < rng.uniform(0.25, 0.75)
    pixels = hidden.repeat(WINDOW, 0).repeat(WINDOW, 1)[:height, :width]
    scale = np.array([width, height, width, height])
    corners = np.rint(view.boxes * scale).astype(int).tolist()
    seen = [
        1 - pixels[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].mean() for x0, y0, x1, y1 in corners
    ]
    kept = np.array(seen) >= LEAST_SEEN if seen else np.zeros(0, bool)
    image = np.where(pixels[..., None], FILLING, view.image).astype(np.uint8)
    return View(image, view.boxes[kept], view.labels[kept])


def views(photo: View, rng: np.random.Generator) -> list[View]:
    """Three looks at a photo: itself, a part of it, and one with holes; half of them mirrored."""
    looks = small(photo), small(cropped(photo, rng)), with_holes(small(photo), rng)
    return [flipped(each) if rng.random() < 0.5 else each for each in looks]
