"""Objects that SAM itself still cuts out of a picture, without a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from segment_anything import SamAutomaticMaskGenerator
from segment_anything.utils.transforms import ResizeLongestSide

from bench.datasets.base import Sample, stack_masks
from bench.metrics.base import Image, Mask, Score
from bench.metrics.miou import iou
from bench.recognition.base import RECOGNISERS, Recogniser, Truth
from framework.models.build import PIXEL_MEAN, PedSam, build_sam

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
        masks: bool [n, h, w], none of them empty: those that count.
        counted: the share of the true masks that count; None without any.
    """

    masks: Mask
    counted: Score


@RECOGNISERS.register("sam_objects")
class SamObjects(Recogniser[TrueMasks]):
    """`segment_anything`'s automatic mask generator on the picture, against the true masks.

    For each object the best of the masks is taken, so that some fit by chance: a mask of nearly
    everything fits a person who fills the photo. Only objects count that are recovered in the
    original and not in a picture of one colour; by construction the frame itself scores 1 and a
    blank 0. ``sam_objects_counted`` tells how many that leaves.

    Args:
        sam: the model to use; ``tiny`` when None.
        points_per_side: side of the grid of point prompts.
    """

    name = "sam_objects"
    summary = "true masks that SAM's automatic mask generator recovers at IoU 0.5"
    metrics = ("sam_object_recall", "sam_best_iou", "sam_objects_counted")

    def __init__(self, sam: PedSam | None = None, points_per_side: int = POINTS_PER_SIDE) -> None:
        self._sam = sam
        self._points_per_side = points_per_side
        self._blank: dict[tuple[int, int], Mask] = {}

    @classmethod
    def available(cls) -> str | None:
        return None

    def truth(self, sample: Sample, frame_size: tuple[int, int]) -> TrueMasks:
        """The sample's masks that count, in pixels of the frame."""
        height, width = frame_size
        small = (
            cv2.resize(
                mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT
            )
            for mask in sample.masks
        )
        masks = stack_masks((mask.astype(bool) for mask in small if mask.any()), frame_size)
        if not len(masks):
            return TrueMasks(frame_size, masks, None)
        frame = ResizeLongestSide(max(frame_size)).apply_image(sample.image)
        counts = (best_ious(masks, self.cut_out(frame)) >= RECOVERED_IOU) & (
            best_ious(masks, self._chance(frame_size)) < RECOVERED_IOU
        )
        return TrueMasks(frame_size, masks[counts], float(counts.mean()))

    def _chance(self, frame_size: tuple[int, int]) -> Mask:
        """The masks that SAM makes of a picture of one colour."""
        if frame_size not in self._blank:
            colour = np.rint(PIXEL_MEAN).astype(np.uint8)
            self._blank[frame_size] = self.cut_out(np.tile(colour, (*frame_size, 1)))
        return self._blank[frame_size]

    def _score(self, picture: Image, truth: TrueMasks) -> dict[str, Score]:
        recall, mean, counted = self.metrics
        if not len(truth.masks):
            return {recall: None, mean: None, counted: truth.counted}
        best = best_ious(truth.masks, self.cut_out(picture))
        found = float((best >= RECOVERED_IOU).mean())
        return {recall: found, mean: float(best.mean()), counted: truth.counted}

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
