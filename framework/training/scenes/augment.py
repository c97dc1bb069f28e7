"""Random training scenes: crops, flips and colour of one photo, with objects pasted from others."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.training.scenes.compose import composed_object, region_union
from framework.training.scenes.figures import figure
from framework.training.scenes.types import Image, Masks, Photo, Scene
from framework.training.scenes.whole_objects import cut_out

SMALLEST_SHARE = 0.0015
"""Masks below this share of the scene are not prompted."""
PLAIN_SCENE_CHANCE = 0.4
"""Of pasting nothing: small parts of people are learned where they really are."""
KEPT_SHARE = 0.4
"""A mask of which pasting leaves less than this is dropped."""
PASTED_SHARES = (0.01, 0.5)
"""Range of the share of its photo that a region may fill to be pasted elsewhere."""
COMPOSED_CHANCE = 0.4
"""Of pasting a composed object rather than a region of a photo."""
FIGURE_SCENE_CHANCE = 0.1
"""Of pasting one to three figures, whose union is a mask too, instead of other objects."""
PORTRAIT_SCENE_CHANCE = 0.3
"""The same for whole objects, cut out of photos that mask their parts."""
SOFT_BACKGROUND_CHANCE = 0.4
"""Of a portrait's background being out of focus, with nothing to prompt."""
UNION_CHANCE = 0.35
"""Of adding the union of some neighbouring regions to the masks of a scene."""


def random_scene(photos: Sequence[Photo], index: int, size: int, rng: np.random.Generator) -> Scene:
    """Photo ``index`` as a frame whose longer side is ``size`` px, with pasted objects.

    Args:
        photos: also the sources of pasted objects.
        rng: the only source of randomness.
    """
    scene = _crop(photos[index], size, rng)
    if rng.random() < UNION_CHANCE and (union := region_union(scene.masks, rng)) is not None:
        scene = Scene(scene.image, np.concatenate([scene.masks, union[None]]))
    if rng.random() >= PLAIN_SCENE_CHANCE:
        scene = _paste_something(scene, photos, rng)
    large = scene.masks.mean(axis=(1, 2)) >= SMALLEST_SHARE
    return Scene(_recolour(scene.image, rng), scene.masks[large])


def _paste_something(scene: Scene, photos: Sequence[Photo], rng: np.random.Generator) -> Scene:
    """``scene`` with whole objects, figures or regions of photos on top."""
    kind = rng.random()
    if kind < PORTRAIT_SCENE_CHANCE:
        return _paste_portraits(scene, photos, rng)
    if kind < PORTRAIT_SCENE_CHANCE + FIGURE_SCENE_CHANCE:
        return _paste_figures(scene, photos, rng)
    return _paste_objects(scene, photos, rng)


def _paste_objects(scene: Scene, photos: Sequence[Photo], rng: np.random.Generator) -> Scene:
    """``scene`` with up to three objects on top."""
    for _ in range(rng.choice(4, p=(0.3, 0.35, 0.25, 0.1))):
        if rng.random() < COMPOSED_CHANCE:
            scene = _paste_composed(scene, photos, rng)
        else:
            scene = _paste(scene, photos[int(rng.integers(len(photos)))], rng)
    return scene


def _paste_figures(scene: Scene, photos: Sequence[Photo], rng: np.random.Generator) -> Scene:
    """``scene`` with one to three figures, each a mask, and all of them together another."""
    height, width = scene.image.shape[:2]
    together = np.zeros((1, height, width), bool)
    for _ in range(rng.choice((1, 2, 3), p=(0.6, 0.25, 0.15))):
        side = int(rng.uniform(0.7, 2.2) * height)
        colours, alpha = figure(photos, side, rng)
        top = int(rng.uniform(-0.02, 0.3) * height)
        left = int(rng.uniform(-0.1, 1.1) * width - 0.5 * side)
        before, scene = scene, _overlay(scene, _recolour(colours, rng), alpha, top, left)
        if scene is not before:
            together |= scene.masks[-1:]
    return Scene(scene.image, np.concatenate([scene.masks, together]))


def _paste_portraits(scene: Scene, photos: Sequence[Photo], rng: np.random.Generator) -> Scene:
    """``scene`` with one to three whole objects, near or far, and their union as a mask too.

    It stays as it is where the photos drawn hold no whole object.
    """
    height, width = scene.image.shape[:2]
    count = int(rng.choice((1, 2, 3), p=(0.65, 0.25, 0.1)))
    cuts = [cut for _ in range(count) if (cut := cut_out(photos, rng)) is not None]
    if not cuts:
        return scene
    if rng.random() < SOFT_BACKGROUND_CHANCE:
        soft = cv2.GaussianBlur(scene.image, (0, 0), rng.uniform(0.02, 0.08) * max(height, width))
        scene = Scene(np.asarray(soft, np.uint8), scene.masks[:0])
    together = np.zeros((1, height, width), bool)
    for colours, alpha in cuts:
        rows = np.exp(rng.uniform(np.log(0.5), np.log(3.5))) * height
        scale = rows / len(alpha)
        shape = tuple(max(4, round(side * scale)) for side in alpha.shape[::-1])
        colours, alpha = _recolour(_resize(colours, shape), rng), _resize(alpha, shape)
        if rng.random() < 0.5:
            colours, alpha = colours[:, ::-1], alpha[:, ::-1]
        top = int(rng.uniform(-0.05, 0.35) * height)
        middle = rng.uniform(0.3, 0.7) if len(cuts) == 1 else rng.uniform(0.1, 0.9)
        left = int(middle * width) - shape[0] // 2
        before, scene = scene, _overlay(scene, colours, alpha, top, left)
        if scene is not before:
            together |= scene.masks[-1:]
    return Scene(scene.image, np.concatenate([scene.masks, together])) if len(cuts) > 1 else scene


def _crop(photo: Photo, size: int, rng: np.random.Generator) -> Scene:
    """A random crop (often the whole photo), perhaps mirrored, resized to fit ``size``."""
    height, width = photo.image.shape[:2]
    if rng.random() < 0.35:
        rows, columns = height, width
    else:
        share = rng.uniform(0.15, 1.0)
        ratio = np.exp(rng.uniform(-0.5, 0.5))
        rows = int(np.clip(np.sqrt(share * height * width * ratio), 48, height))
        columns = int(np.clip(np.sqrt(share * height * width / ratio), 48, width))
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    window = (slice(top, top + rows), slice(left, left + columns))
    image, masks = photo.image[window], photo.masks[(slice(None), *window)]
    masks = masks[masks.any(axis=(1, 2))]
    scale = size / max(rows, columns)
    shape = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    scene = Scene(_resize(image, shape), _resize_masks(masks, shape))
    return _mirror(scene) if rng.random() < 0.5 else scene


def _paste(scene: Scene, source: Photo, rng: np.random.Generator) -> Scene:
    """``scene`` with one region of ``source`` on top, resized, mirrored and recoloured."""
    region = _pick_region(source.masks, rng)
    if region is None:
        return scene
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    patch = Scene(source.image[window], region[window][None])
    if rng.random() < 0.5:
        patch = _mirror(patch)
    height, width = scene.image.shape[:2]
    longest = rng.uniform(0.15, 0.8) * max(height, width)
    scale = longest / max(patch.image.shape[:2])
    shape = tuple(max(4, round(side * scale)) for side in patch.image.shape[1::-1])
    colours = _recolour(_resize(patch.image, shape), rng)
    alpha = _resize(patch.masks[0].astype(np.uint8) * 255, shape)
    return _overlay(scene, colours, alpha, *_place(scene, alpha, rng))


def _paste_composed(scene: Scene, photos: Sequence[Photo], rng: np.random.Generator) -> Scene:
    """``scene`` with a composed object on top; its latest part is a mask too, now and then."""
    height, width = scene.image.shape[:2]
    side = max(16, int(rng.uniform(0.25, 1.2) * max(height, width)))
    colours, alpha, part = composed_object(photos, side, rng)
    place = _place(scene, alpha, rng)
    pasted = _overlay(scene, _recolour(colours, rng), alpha, *place)
    if (part == alpha).all() or rng.random() < 0.5:
        return pasted
    part_only = _overlay(scene, colours, part, *place)
    return Scene(pasted.image, np.concatenate([pasted.masks, part_only.masks[-1:]]))


def _place(scene: Scene, alpha: Image, rng: np.random.Generator) -> tuple[int, int]:
    """Where a patch goes: its first row and column, which may lie outside the scene."""
    return tuple(  # type: ignore[return-value]
        int(rng.uniform(-0.2, 1.0) * length) - int(rng.uniform(0.0, 0.3) * side)
        for length, side in zip(scene.image.shape[:2], alpha.shape, strict=True)
    )


def _overlay(scene: Scene, colours: Image, alpha: Image, top: int, left: int) -> Scene:
    height, width = scene.image.shape[:2]
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + alpha.shape[0], height), min(left + alpha.shape[1], width)
    if y1 <= y0 or x1 <= x0:
        return scene
    inside = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    window = (slice(y0, y1), slice(x0, x1))
    weight = alpha[inside][..., None].astype(np.float32) / 255
    image = scene.image.copy()
    image[window] = (weight * colours[inside] + (1 - weight) * image[window]).astype(np.uint8)
    pasted = np.zeros((1, height, width), bool)
    pasted[0][window] = alpha[inside] > 127
    left_over = scene.masks & ~pasted
    before, after = scene.masks.sum(axis=(1, 2)), left_over.sum(axis=(1, 2))
    return Scene(image, np.concatenate([left_over[after > KEPT_SHARE * before], pasted]))


def _pick_region(masks: Masks, rng: np.random.Generator) -> Masks | None:
    """One mask of suitable size, those that do not run out of the photo preferred."""
    if not len(masks):
        return None
    shares = masks.mean(axis=(1, 2))
    fit = (shares >= PASTED_SHARES[0]) & (shares <= PASTED_SHARES[1])
    borders = sum(
        edge.any(axis=1).astype(int)
        for edge in (masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1])
    )
    weights = fit * np.array([1.0, 0.4, 0.1, 0.0, 0.0])[borders]
    if not weights.sum():
        return None
    return np.asarray(masks[rng.choice(len(masks), p=weights / weights.sum())])


def _mirror(scene: Scene) -> Scene:
    return Scene(
        np.ascontiguousarray(scene.image[:, ::-1]), np.ascontiguousarray(scene.masks[..., ::-1])
    )


def _resize(image: Image, shape: tuple[int, ...]) -> Image:
    """``image`` at ``shape`` = (width, height), averaged when it shrinks."""
    shrinks = shape[0] < image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, shape, interpolation=method), np.uint8)


def _resize_masks(masks: Masks, shape: tuple[int, int]) -> Masks:
    resized = [_resize(mask.astype(np.uint8) * 255, shape) > 127 for mask in masks]
    return np.array(resized, bool).reshape(-1, shape[1], shape[0])


def _recolour(image: Image, rng: np.random.Generator) -> Image:
    """Random contrast, brightness, channel gains, saturation and sometimes blur or noise."""
    pixels: NDArray[np.floating] = image.astype(np.float32)
    if rng.random() < 0.8:
        gains = rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3).astype(np.float32)
        pixels = (pixels - 128) * gains.astype(np.float32) + 128 + rng.uniform(-25, 25)
    if rng.random() < 0.5:
        grey = pixels.mean(axis=2, keepdims=True)
        pixels = grey + (pixels - grey) * rng.choice([0.0, 0.5, 0.8, 1.3], p=(0.1, 0.2, 0.35, 0.35))
    if rng.random() < 0.1:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.5)))
    if rng.random() < 0.1:
        pixels = pixels + rng.normal(0, rng.uniform(2, 10), pixels.shape).astype(np.float32)
    return np.clip(pixels, 0, 255).astype(np.uint8)
