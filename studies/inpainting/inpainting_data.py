"""Public photos with the holes that coalitions leave, as batches for training inpainters."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor

from attacks.features.canvas import Canvas
from attacks.features.inpainting_input import LONGEST, Holes, padded
from attacks.features.token_maps import practice
from bench.datasets import open_dataset
from framework.models.named import architecture
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid

Photo = NDArray[np.uint8]

SHARDS = {1 / 25: (25, 1), 1 / 9: (9, 1), 1 / 4: (4, 1), 1 / 2: (4, 2), 3 / 4: (4, 3)}
"""Visible fraction → shards, and how many of them collude."""
POLICIES_TRIED = ("random", "strided", "contiguous")
SHAPES = ((171, 256), (256, 171), (192, 256), (256, 192), (256, 256))
"""Frames of a batch, height and width, and how often (`SHARES`) each is drawn."""
SHARES = (0.35, 0.25, 0.15, 0.15, 0.1)
SMALLEST_CROP = 0.5
"""Of the longest side."""

Batch = tuple[Holes, Tensor, Tensor]
"""Holes; the truth in 0..255 [n, 3, h, w] and where it is hidden [n, 1, h, w], unpadded."""


def photos(specs: Sequence[str]) -> list[Photo]:
    """All images of some data sets."""
    datasets = [open_dataset(spec) for spec in specs]
    return [data.load(image_id).image for data in datasets for image_id in data.ids]


def frame(photo: Photo) -> Photo:
    """The photo as the system sees it, `LONGEST` px on its longest side."""
    return ResizeLongestSide(LONGEST).apply_image(photo)


def grid_of(size: tuple[int, int]) -> WindowGrid:
    """The windows that ``tiny`` lays over a frame."""
    return WindowGrid.of(architecture("tiny"), size)


def coalition(grid: WindowGrid, fraction: float, policy: str, seed: int) -> list[int]:
    """Windows of a random coalition that sees some of the photo and not all of it."""
    shards, size = SHARDS[fraction]
    rng = np.random.default_rng(seed)
    while True:
        owners = POLICIES.get(policy)(int(rng.integers(2**31))).assign(grid, shards)
        members = set(rng.permutation(shards)[:size].tolist())
        windows = [index for index, owner in enumerate(owners) if owner in members]
        if 0 < len(set(grid.content) & set(windows)) < len(grid.content):
            return windows


def hidden_but(picture: Photo, windows: Sequence[int]) -> Canvas:
    """A frame of which only some windows are known."""
    known = grid_of((picture.shape[0], picture.shape[1])).pixel_mask(windows)
    return Canvas(np.where(known[..., None], picture, 0).astype(np.float32), known)


def batch(pictures: Sequence[Photo], canvases: Sequence[Canvas]) -> Batch:
    """Frames of one size, and what is known of them."""
    height, width = pictures[0].shape[:2]
    truth = torch.cat([padded(picture.astype(np.float32)) for picture in pictures])[
        ..., :height, :width
    ]
    hidden = torch.stack([torch.from_numpy(~canvas.known)[None] for canvas in canvases])
    return Holes.joined([Holes.of(canvas) for canvas in canvases]), truth, hidden


def drawn(training: Sequence[Photo], count: int, rng: np.random.Generator) -> Batch:
    """A batch of random crops of random photos, all with the holes of one random coalition."""
    size = SHAPES[rng.choice(len(SHAPES), p=SHARES)]
    grid = grid_of(size)
    seen = _seen(grid, rng)
    pictures = [
        _varied(training[int(rng.integers(len(training)))], size, rng) for _ in range(count)
    ]
    return batch(pictures, [hidden_but(picture, seen) for picture in pictures])


def _seen(grid: WindowGrid, rng: np.random.Generator) -> list[int]:
    while True:
        windows = practice(grid, rng)
        if 0 < len(set(grid.content) & set(windows)) < len(grid.content):
            return windows


def _varied(photo: Photo, size: tuple[int, int], rng: np.random.Generator) -> Photo:
    """A random crop, mirrored or not, of the given size, its tones and colours changed a little."""
    crop = _crop(photo, size, rng)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    picture = cv2.resize(np.ascontiguousarray(crop), size[::-1], interpolation=cv2.INTER_AREA)
    tones = 255 * np.power(np.linspace(0, 1, 256), rng.uniform(0.8, 1.25))
    gains = rng.uniform(0.9, 1.1) * rng.uniform(0.94, 1.06, size=3)
    picture = (tones[picture] * gains).clip(0, 255)
    if rng.random() < 0.05:
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    return np.rint(picture).astype(np.uint8)


def _crop(photo: Photo, size: tuple[int, int], rng: np.random.Generator) -> Photo:
    """A random part of a photo, of nearly the proportions of ``size``."""
    largest = min(photo.shape[0] / size[0], photo.shape[1] / size[1])
    scale = largest * rng.uniform(SMALLEST_CROP, 1)
    stretch = np.sqrt(rng.uniform(0.85, 1.18))
    height = min(photo.shape[0], max(1, round(size[0] * scale * stretch)))
    width = min(photo.shape[1], max(1, round(size[1] * scale / stretch)))
    top = int(rng.integers(photo.shape[0] - height + 1))
    left = int(rng.integers(photo.shape[1] - width + 1))
    return photo[top : top + height, left : left + width]
