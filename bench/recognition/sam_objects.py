"""Objects that SAM itself still cuts out of a picture, without a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from segment_anything import SamAutomaticMaskGenerator

from bench.datasets.base import Sample, stack_masks
from bench.metrics.base import Image, Mask, Score
from bench.metrics.miou import iou
from bench.recognition.base import RECOGNISERS, Recogniser, Truth
from framework.models.build import PedSam, build_sam

POINTS_PER_SIDE = 16
BUDGET = 64
"""How many masks of a picture count, those that the model rates best.

Fixed, because thresholds on predicted IoU or stability depend on how a model is calibrated: at
0.5 and 0.8 ``tiny`` keeps almost no mask of a photo, and a blank picture scores above it. Chosen
among six rules on ``people_public`` and ``bsds500_public``, which are not scored.
"""
RECOVERED_IOU = 0.5
"""An object is recovered when a mask has this IoU with it."""


@dataclass(frozen=True, eq=False)
class TrueMasks(Truth):
    """The true masks of one frame.

    Attributes:
        masks: bool [n, h, w], none of them empty.
    """

    masks: Mask


@RECOGNISERS.register("sam_objects")
class SamObjects(Recogniser[TrueMasks]):
    """`segment_anything`'s automatic mask generator on the picture, against the true masks.

    For each object the best of the masks is taken, so that some fit by chance: read the score
    against the floor, a picture with nothing in it, and the ceiling. Where the floor is not below
    the ceiling it says nothing: with ``tiny``, on photos that one person fills (`people_dev`).

    Args:
        sam: the model to use; ``tiny`` when None.
        points_per_side: side of the grid of point prompts.
    """

    name = "sam_objects"
    summary = "true masks that SAM's automatic mask generator recovers at IoU 0.5"
    metrics = ("sam_object_recall", "sam_best_iou")

    def __init__(self, sam: PedSam | None = None, points_per_side: int = POINTS_PER_SIDE) -> None:
        self._sam = sam
        self._points_per_side = points_per_side

    @classmethod
    def available(cls) -> str | None:
        return None

    def truth(self, sample: Sample, frame_size: tuple[int, int]) -> TrueMasks:
        """The sample's masks, in pixels of the frame; those that vanish there are left out."""
        height, width = frame_size
        small = (
            cv2.resize(
                mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT
            )
            for mask in sample.masks
        )
        kept = stack_masks((mask.astype(bool) for mask in small if mask.any()), frame_size)
        return TrueMasks(frame_size, kept)

    def _score(self, picture: Image, truth: TrueMasks) -> dict[str, Score]:
        if not len(truth.masks):
            return dict.fromkeys(self.metrics)
        best = best_ious(truth.masks, self.cut_out(picture))
        recall, mean = self.metrics
        return {recall: float((best >= RECOVERED_IOU).mean()), mean: float(best.mean())}

    def cut_out(self, picture: Image) -> Mask:
        """The masks, bool [n, h, w], that SAM makes of a picture uint8 [h, w, 3]; best first."""
        found = self._generator.generate(picture)
        found.sort(key=lambda record: record["predicted_iou"], reverse=True)
        found = found[:BUDGET]
        return stack_masks((record["segmentation"] for record in found), picture.shape)

    @cached_property
    def _generator(self) -> Any:
        return SamAutomaticMaskGenerator(
            self._sam or build_sam("tiny"),
            points_per_side=self._points_per_side,
            pred_iou_thresh=0.0,
            stability_score_thresh=0.0,
        )


def best_ious(truth: Mask, found: Mask) -> NDArray[np.float64]:
    """For each true mask [n, h, w] the best IoU with any of the found ones [m, h, w]: [n]."""
    return np.array([max((iou(mask, object_) for mask in found), default=0.0) for object_ in truth])
