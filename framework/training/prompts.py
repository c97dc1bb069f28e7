"""Prompts drawn from masks as in SAM: noisy boxes, points, and clicks that correct a mask."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from segment_anything.modeling import Sam
from torch import Tensor

BOX_NOISE = 0.03
"""Largest standard deviation of a box edge, as a share of the box's side."""
BOX_NOISE_CAP = 8 / 1024
"""The same, as a share of the model's input."""


@dataclass(frozen=True)
class Prompts:
    """Prompts for the masks of one scene: boxes for the first ones, points for the rest.

    Attributes:
        boxes: [b, 4] (x0, y0, x1, y1), input pixels.
        points: [n, k, 2] (x, y), input pixels; for masks with a box only the corrections.
        labels: [n, k], 1 on the object, 0 off it. ``k`` counts the clicks so far; the first b
            rows of the first click are not used.
    """

    boxes: Tensor
    points: Tensor
    labels: Tensor

    def click(self, points: Tensor, labels: Tensor) -> Prompts:
        """With one more click each: ``points`` [n, 2], ``labels`` [n]."""
        return Prompts(
            self.boxes,
            torch.cat([self.points, points[:, None]], dim=1),
            torch.cat([self.labels, labels[:, None]], dim=1),
        )


def first_prompts(masks: Tensor, boxes: int, scale: float, generator: torch.Generator) -> Prompts:
    """A noisy box for the first ``boxes`` masks, a point for the others.

    Args:
        masks: bool [n, height, width], none empty.
        scale: input pixels for one pixel of ``masks``.
    """
    points = sample_pixels(_depth(masks), generator)
    return Prompts(
        noisy_boxes(masks[:boxes], generator) * scale,
        (points[:, None] + 0.5) * scale,
        torch.ones(len(masks), 1, device=masks.device),
    )


def correct(
    prompts: Prompts, predicted: Tensor, masks: Tensor, scale: float, generator: torch.Generator
) -> Prompts:
    """One more click each, anywhere in the error of ``predicted`` (bool [n, height, width])."""
    wrong = predicted ^ masks
    perfect = ~wrong.flatten(1).any(dim=1)
    wrong[perfect] = masks[perfect]
    points = sample_pixels(wrong.float(), generator)
    rows = torch.arange(len(masks), device=masks.device)
    labels = masks[rows, points[:, 1].long(), points[:, 0].long()].float()
    return prompts.click((points + 0.5) * scale, labels)


def embed(sam: Sam, prompts: Prompts, logits: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sparse [n, tokens, channels] and dense [n, channels, rows, columns] prompt embeddings.

    Args:
        logits: masks of the round before, [n, 1, height, width]; ``None`` in the first round.
    """
    count = len(prompts.boxes)
    clicks = None
    if prompts.points.shape[1] > 1:
        clicks = (prompts.points[:count, 1:], prompts.labels[:count, 1:])
    parts = []
    if count:
        before = None if logits is None else logits[:count]
        parts.append(sam.prompt_encoder(clicks, prompts.boxes, before))
    if count < len(prompts.points):
        clicks = (prompts.points[count:], prompts.labels[count:])
        before = None if logits is None else logits[count:]
        parts.append(sam.prompt_encoder(clicks, None, before))
    sparse, dense = zip(*parts, strict=True)
    return torch.cat(sparse), torch.cat(dense)


def noisy_boxes(masks: Tensor, generator: torch.Generator) -> Tensor:
    """Boxes [n, 4] around ``masks``, each edge moved by a noise that is small for half of them."""
    size = max(masks.shape[1:])
    tight = tight_boxes(masks)
    sides = (tight[:, 2:] - tight[:, :2]).repeat(1, 2)
    deviation = (BOX_NOISE * sides).clamp(max=BOX_NOISE_CAP * size)
    strength = torch.rand(len(masks), 1, generator=generator).to(masks.device)
    noise = torch.randn(tight.shape, generator=generator).to(masks.device)
    return (tight + noise * strength * deviation).clamp(0, size)


def tight_boxes(masks: Tensor) -> Tensor:
    """(x0, y0, x1, y1) [n, 4] of bool masks [n, height, width], right and lower edge exclusive."""
    sides = []
    for line in (masks.any(dim=1), masks.any(dim=2)):  # columns, rows
        first = line.float().argmax(dim=1)
        last = line.shape[1] - line.flip(1).float().argmax(dim=1)
        sides.append((first, last))
    (x0, x1), (y0, y1) = sides
    return torch.stack([x0, y0, x1, y1], dim=1).float()


def sample_pixels(weights: Tensor, generator: torch.Generator) -> Tensor:
    """One pixel (x, y) [n, 2] for each map of ``weights`` [n, height, width], drawn by weight."""
    flat = weights.flatten(1).cpu()
    index = torch.multinomial(flat, 1, generator=generator)[:, 0].to(weights.device)
    width = weights.shape[2]
    return torch.stack([index % width, index // width], dim=1).float()


def _depth(masks: Tensor) -> Tensor:
    """A weight that grows from the edge of a mask to its middle; 0 outside. [n, height, width]"""
    inside = masks.float()
    weight, eroded = inside.clone(), inside[:, None]
    for _ in range(4):
        eroded = -torch.nn.functional.max_pool2d(-eroded, 5, 1, 2)
        weight = weight + 2 * eroded[:, 0]
    return weight
