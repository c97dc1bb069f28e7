"""Segmentation scores of one image under one pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from bench.cache.fingerprints import content_digest
from bench.metrics.base import Mask
from bench.metrics.miou import (
    Segmentation,
    agreement,
    filled_box,
    frozen_prompts,
    segment_instances,
    tight_box,
)
from bench.metrics.region_growing import grow, smooth_lab
from bench.metrics.segmentation import SEGMENTATION_METRICS, SOURCES, SegmentationMetric
from framework.errors import FAULTS
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
    _packed: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = field(
        default_factory=dict, repr=False
    )

    @cached_property
    def segmentation(self) -> Segmentation:
        """Its masks."""
        return self.segmented(self.predictor)

    def segmented(self, predictor: DistributedSamPredictor) -> Segmentation:
        """The masks of a predictor, whose image is set; prompted once for each embedding.

        Who computed which window does not change the embedding, so pipelines share it.
        """
        sam, embedding = predictor.model.weights.sha256, predictor.get_image_embedding()
        key = content_digest(sam, embedding.float().cpu().numpy())
        if key not in self._packed:
            prompts = [frozen_prompts(mask) for mask in self.truth]
            found = segment_instances(predictor, prompts)
            self._packed[key] = np.packbits(found.box), np.packbits(found.point)
        box, point = (
            np.unpackbits(bits, count=self.truth.size).astype(bool).reshape(self.truth.shape)
            for bits in self._packed[key]
        )
        return Segmentation(box, point)

    @cached_property
    def embedding(self) -> torch.Tensor:
        """Its image embedding."""
        return self.predictor.get_image_embedding()

    @cached_property
    def grown(self) -> list[Mask]:
        """The region grown from each mask's point, without any model."""
        lab = smooth_lab(self.image)
        return [grow(lab, frozen_prompts(mask).point) for mask in self.truth]

    @cached_property
    def filled(self) -> list[Mask]:
        """The filled box of each mask."""
        return [filled_box(tight_box(mask), mask.shape) for mask in self.truth]


def segmentation_scores(
    predictor: DistributedSamPredictor, reference: Reference
) -> tuple[dict[str, float | BaseException | None], NDArray[np.bool_]]:
    """Scores of ``predictor``, whose image is set, and its box-prompted masks.

    Returns:
        Metric → value, None where the image has no instance, and what a metric raised where it
        could not be computed; masks, bool [n, H, W].
    """
    truth = reference.truth
    found = reference.segmented(predictor)
    masks: dict[str, Iterable[Mask]] = dict(
        zip(SOURCES, (found.box, found.point, reference.filled, reference.grown), strict=True)
    )
    traffic = predictor.traffic
    embedding = predictor.get_image_embedding()
    error = (embedding - reference.embedding).norm() / reference.embedding.norm()
    values: dict[str, float | BaseException | None] = {}
    for name, metric in SEGMENTATION_METRICS.items():
        for source, predictions in masks.items():
            values[f"{name}_{source}"] = _mean_score(metric, predictions, truth)
    values |= {
        "agreement_box": agreement(found.box, reference.segmentation.box),
        "agreement_point": agreement(found.point, reference.segmentation.point),
        "instances": len(truth),
        "embedding_error": float(error),
        "bytes_up": traffic.bytes_up,
        "bytes_down": traffic.bytes_down,
        "rounds": traffic.rounds,
    }
    return values, found.box


def _mean_score(
    metric: type[SegmentationMetric], masks: Iterable[Mask], truth: Mask
) -> float | BaseException | None:
    """The mean over masks; what the metric raised, so that the others are still recorded."""
    try:
        values = [
            metric().score(mask.copy(), true.copy())
            for mask, true in zip(masks, truth, strict=True)
        ]
        return float(np.mean(values)) if values else None
    except FAULTS as error:
        return error
