"""Segmentation scores of one image under one pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from bench.metrics.miou import (
    Segmentation,
    agreement,
    frozen_prompts,
    instance_scores,
    iou,
    segment_instances,
)
from bench.metrics.region_growing import grow, smooth_lab
from framework.split.predictor import DistributedSamPredictor


@dataclass(frozen=True)
class Reference:
    """What the model gives when nothing is distributed, in the run's precision.

    Attributes:
        predictor: with the image set, on the ``local`` plan.
        image: uint8 [H, W, 3].
        truth: true masks, bool [n, H, W], none of them empty.
    """

    predictor: DistributedSamPredictor
    image: NDArray[np.uint8]
    truth: NDArray[np.bool_]

    @cached_property
    def segmentation(self) -> Segmentation:
        """Its masks."""
        return segment_instances(self.predictor, [frozen_prompts(mask) for mask in self.truth])

    @cached_property
    def embedding(self) -> torch.Tensor:
        """Its image embedding."""
        return self.predictor.get_image_embedding()

    @cached_property
    def growing(self) -> list[float]:
        """IoU of the region grown from each mask's point, without any model."""
        lab = smooth_lab(self.image)
        return [iou(grow(lab, frozen_prompts(mask).point), mask) for mask in self.truth]


def segmentation_scores(
    predictor: DistributedSamPredictor, reference: Reference
) -> tuple[dict[str, float | None], NDArray[np.bool_]]:
    """Scores of ``predictor``, whose image is set, and its box-prompted masks.

    Returns:
        Metric → value, None where the image has no instance; masks, bool [n, H, W].
    """
    truth = reference.truth
    found = segment_instances(predictor, [frozen_prompts(mask) for mask in truth])
    scores = instance_scores(found, truth)
    traffic = predictor.traffic
    embedding = predictor.get_image_embedding()
    error = (embedding - reference.embedding).norm() / reference.embedding.norm()
    values: dict[str, float | None] = {
        "miou_box": _mean([score.box_iou for score in scores]),
        "miou_point": _mean([score.point_iou for score in scores]),
        "miou_fill": _mean([score.fill_iou for score in scores]),
        "miou_grow": _mean(reference.growing),
        "agreement_box": agreement(found.box, reference.segmentation.box),
        "agreement_point": agreement(found.point, reference.segmentation.point),
        "instances": len(truth),
        "embedding_error": float(error),
        "bytes_up": traffic.bytes_up,
        "bytes_down": traffic.bytes_down,
        "rounds": traffic.rounds,
    }
    return values, found.box


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
