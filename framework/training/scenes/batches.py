"""Batches of scenes, prepared one step ahead."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from framework.models.build import PedSam
from framework.training.scenes.augment import random_scene
from framework.training.scenes.types import Photo, Scene


@dataclass(frozen=True)
class Batch:
    """Scenes as the model takes them.

    Attributes:
        images: float32 [batch, 3, size, size], normalised, padded with zeros.
        masks: one bool [n, height, width] per scene, at the resolution of the mask logits.
    """

    images: Tensor
    masks: list[Tensor]


def batches(
    photos: Sequence[Photo], sam: PedSam, steps: range, batch: int, prompts: int, seed: int
) -> Generator[Batch, None, None]:
    """The batch of each step, prepared one step ahead in another thread."""
    size = sam.image_encoder.img_size
    logits = 4 * sam.prompt_encoder.image_embedding_size[0]
    mean, std = sam.pixel_mean.cpu().numpy(), sam.pixel_std.cpu().numpy()

    def prepare(step: int) -> Batch:
        rng = np.random.default_rng([seed, step])
        scenes = [
            random_scene(photos, epoch_index(step * batch + i, len(photos), seed), size, rng)
            for i in range(batch)
        ]
        images = np.stack([_pad(s, size, mean.ravel(), std.ravel()) for s in scenes])
        return Batch(
            torch.from_numpy(images), [_truth(s, size, logits, prompts, rng) for s in scenes]
        )

    with ThreadPoolExecutor(1) as pool:
        ahead = None
        for step in steps:
            ready = ahead or pool.submit(prepare, step)
            ahead = pool.submit(prepare, step + 1) if step + 1 < steps.stop else None
            yield ready.result()


def epoch_index(draw: int, count: int, seed: int) -> int:
    """The photo of draw number ``draw``: each once per epoch, in an order of its own."""
    epoch, place = divmod(draw, count)
    return int(np.random.default_rng([seed, epoch, 1]).permutation(count)[place])


def _pad(scene: Scene, size: int, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Normalised image, zero beyond the frame: float32 [3, size, size]."""
    height, width = scene.image.shape[:2]
    image = np.zeros((3, size, size), np.float32)
    image[:, :height, :width] = ((scene.image - mean) / std).transpose(2, 0, 1)
    return image


def _truth(scene: Scene, size: int, logits: int, prompts: int, rng: np.random.Generator) -> Tensor:
    """Up to ``prompts`` masks, drawn at random: bool [n, logits, logits]."""
    height, width = scene.image.shape[:2]
    chosen = rng.permutation(len(scene.masks))[:prompts]
    small = []
    for mask in scene.masks[chosen]:
        padded = np.zeros((size, size), np.uint8)
        padded[:height, :width] = mask.astype(np.uint8) * 255
        resized = cv2.resize(padded, (logits, logits), interpolation=cv2.INTER_AREA) > 127
        if resized.any():
            small.append(resized)
    return torch.from_numpy(np.array(small, bool).reshape(-1, logits, logits))
