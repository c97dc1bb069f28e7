"""Segmentation quality at original resolution, from prompts that depend on the truth alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from bench.metrics.base import Mask, Score
from bench.metrics.segmentation import SEGMENTATION_METRICS, SegmentationMetric

VALUES_PER_CALL = 1 << 25

Box = tuple[int, int, int, int]
Point = tuple[int, int]


class Predictor(Protocol):
    """What is used of a `segment_anything.SamPredictor` whose image has been set."""

    transform: Any
    original_size: tuple[int, int]

    def predict_torch(
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None = None,
        mask_input: Tensor | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Masks [b, c, H, W], predicted IoU [b, c] and low-resolution logits."""
        ...


@dataclass(frozen=True)
class Prompts:
    """The frozen prompts of one instance, in pixels of the original image.

    Attributes:
        box: x0, y0, x1, y1 of the outermost pixels (both ends belong to the box).
        point: x, y of the pixel farthest from the border of the largest component.
    """

    box: Box
    point: Point


@dataclass(frozen=True)
class InstanceScore:
    """IoU of one instance: box-prompted, point-prompted, and of its filled box."""

    box_iou: float
    point_iou: float
    fill_iou: float


@dataclass(frozen=True)
class Segmentation:
    """The masks that one model gave: bool [n, H, W] for the box and for the point prompts."""

    box: Mask
    point: Mask


def tight_box(mask: Mask) -> Box:
    """The outermost pixels of a mask [H, W]: x0, y0, x1, y1, ends included.

    Raises:
        ValueError: the mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        raise ValueError("an empty mask has no box")
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def inner_point(mask: Mask) -> Point:
    """x, y of the maximum of the distance transform of the largest 8-connected component.

    The image's border counts as background. Squared distances are whole numbers, so that a tie is
    a tie. Of equally large components, and of equal maxima, the first in row-major order is taken.

    Raises:
        ValueError: the mask is empty.
    """
    x0, y0, x1, y1 = tight_box(mask)
    crop = np.pad(mask[y0 : y1 + 1, x0 : x1 + 1], 1).astype(np.uint8)
    squared = np.rint(distance_transform_edt(_largest_component(crop)) ** 2).astype(np.int64)
    row, column = np.unravel_index(int(np.argmax(squared)), squared.shape)
    return x0 + int(column) - 1, y0 + int(row) - 1


def frozen_prompts(mask: Mask) -> Prompts:
    """The prompts of an instance's true mask, bool [H, W]; see `tight_box` and `inner_point`."""
    return Prompts(tight_box(mask), inner_point(mask))


def filled_box(box: Box, size: tuple[int, ...]) -> Mask:
    """The mask, bool [H, W], of all pixels of a box."""
    x0, y0, x1, y1 = box
    mask = np.zeros(size, dtype=bool)
    mask[y0 : y1 + 1, x0 : x1 + 1] = True
    return mask


def iou(prediction: Mask, truth: Mask) -> float:
    """Intersection over union of two masks [H, W], in [0, 1].

    Two empty masks are equal: 1. One empty mask shares nothing: 0.
    """
    union = np.count_nonzero(prediction | truth)
    return np.count_nonzero(prediction & truth) / union if union else 1.0


@SEGMENTATION_METRICS.register("miou")
class Miou(SegmentationMetric):
    """Intersection over union; its mean over masks is the mIoU."""

    summary = "intersection over union of masks"
    label = "mIoU"

    def score(self, prediction: Mask, truth: Mask) -> float:
        return iou(prediction, truth)


def agreement(masks: Mask, reference: Mask) -> Score:
    """Mean IoU of two runs' masks, bool [n, H, W] each; None where there are no instances.

    Where both runs found nothing they agree: 1.
    """
    if not len(reference):
        return None
    return float(np.mean([iou(a, b) for a, b in zip(masks, reference, strict=True)]))


def segment_instances(predictor: Predictor, prompts: Sequence[Prompts]) -> Segmentation:
    """Prompt a predictor with every instance's box (single mask) and point.

    The point is asked for several masks and the one with the best *predicted* IoU is kept.
    """
    size = predictor.original_size
    parts = list(_parts(predictor, prompts))
    box = [_ask_boxes(predictor, [p.box for p in part]) for part in parts]
    point = [_ask_points(predictor, [p.point for p in part]) for part in parts]
    none = np.zeros((0, *size), dtype=bool)
    return Segmentation(np.concatenate([none, *box]), np.concatenate([none, *point]))


def instance_scores(segmentation: Segmentation, masks: Mask) -> list[InstanceScore]:
    """Score the masks of a run against the true ones, bool [n, H, W], in the same order."""
    return [
        InstanceScore(
            box_iou=iou(box, truth),
            point_iou=iou(point, truth),
            fill_iou=iou(filled_box(tight_box(truth), truth.shape), truth),
        )
        for box, point, truth in zip(segmentation.box, segmentation.point, masks, strict=True)
    ]


def score_segmentation(predictor: Predictor, masks: Mask) -> list[InstanceScore]:
    """Prompt a predictor, whose image is set, from the true masks and score what it returns.

    Args:
        predictor: a `segment_anything.SamPredictor` or anything with its methods.
        masks: bool [n, H, W] at original resolution, none of them empty.

    Raises:
        ValueError: a mask is empty.
    """
    prompts = [frozen_prompts(mask) for mask in masks]
    return instance_scores(segment_instances(predictor, prompts), masks)


def _largest_component(mask: NDArray[np.uint8]) -> Mask:
    labels = np.asarray(cv2.connectedComponents(mask, connectivity=8)[1])
    present, first, sizes = np.unique(labels[labels > 0], return_index=True, return_counts=True)
    largest = present[np.lexsort((first, -sizes))[0]]
    return np.equal(labels, largest)


def _parts(predictor: Predictor, prompts: Sequence[Prompts]) -> Iterator[Sequence[Prompts]]:
    height, width = predictor.original_size
    pixels = max(height * width, predictor.transform.target_length**2)
    count = max(1, VALUES_PER_CALL // (3 * pixels))
    for start in range(0, len(prompts), count):
        yield prompts[start : start + count]


def _ask_boxes(predictor: Predictor, boxes: Sequence[Box]) -> Mask:
    coordinates = torch.tensor(boxes, dtype=torch.float32)
    frame = predictor.transform.apply_boxes_torch(coordinates, predictor.original_size)
    masks, _, _ = predictor.predict_torch(
        None, None, boxes=frame.to(_device(predictor)), multimask_output=False
    )
    return masks[:, 0].cpu().numpy()


def _ask_points(predictor: Predictor, points: Sequence[Point]) -> Mask:
    coordinates = torch.tensor(points, dtype=torch.float32)[:, None]
    frame = predictor.transform.apply_coords_torch(coordinates, predictor.original_size)
    labels = torch.ones(frame.shape[:2], dtype=torch.int)
    device = _device(predictor)
    masks, quality, _ = predictor.predict_torch(frame.to(device), labels.to(device))
    best = quality.argmax(dim=1)
    return masks[torch.arange(len(best), device=best.device), best].cpu().numpy()


def _device(predictor: Predictor) -> Any:
    return getattr(predictor, "device", "cpu")
