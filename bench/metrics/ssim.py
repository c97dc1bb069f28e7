"""Structural similarity (Wang et al., IEEE Transactions on Image Processing 2004)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import METRICS, Image, Mask, Metric, Score, region_mean

WINDOW = 11
RADIUS = WINDOW // 2
SIGMA = 1.5
DATA_RANGE = 255.0
C1 = (0.01 * DATA_RANGE) ** 2
C2 = (0.03 * DATA_RANGE) ** 2

Map = NDArray[np.float64]


@METRICS.register("ssim")
class Ssim(Metric):
    """SSIM in a region: Gaussian window 11, σ 1.5, population covariance.

    The map is computed for each of R, G and B, averaged over them, and averaged over the region
    eroded by the window's radius of 5 px, so that no pixel outside the region has a part in it.
    The frame's border erodes too. A region that erosion empties has no score.
    """

    name = "ssim"
    label = "SSIM"
    summary = "structural similarity, Gaussian window 11, mean of the RGB channels"
    higher_is_worse = True
    place = 2
    csv_alone = True

    def _score_many(
        self, truth: Image, reconstructions: Sequence[Image], regions: Sequence[Mask]
    ) -> list[list[Score]]:
        inner = [erode(region) for region in regions]
        moments = Moments(truth)
        maps = [ssim_map(moments, image) for image in reconstructions]
        return [[region_mean(ssim, region) for region in inner] for ssim in maps]


def erode(region: Mask) -> Mask:
    """The pixels whose whole 11×11 window lies in the region (bool [h, w]) and in the frame."""
    kernel = np.ones((WINDOW, WINDOW), dtype=np.uint8)
    inner = cv2.erode(
        region.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=[0]
    )
    return inner.astype(bool)


class Moments:
    """An image [h, w, 3] as float64, with its local means and variances."""

    def __init__(self, image: Image) -> None:
        self.values = image.astype(np.float64)
        self.mean = _blur(self.values)
        self.variance = _blur(self.values**2) - self.mean**2


def ssim_map(truth: Moments, image: Image) -> Map:
    """SSIM at each pixel, [h, w], of two uint8 [h, w, 3] images; mirrored at the border."""
    other = Moments(image)
    product = truth.mean * other.mean
    covariance = _blur(truth.values * other.values) - product
    numerator = (2 * product + C1) * (2 * covariance + C2)
    squares = truth.mean**2 + other.mean**2
    denominator = (squares + C1) * (truth.variance + other.variance + C2)
    ssim: Map = (numerator / denominator).mean(axis=2)
    return ssim


def _blur(values: Map) -> Map:
    blurred: Map = cv2.GaussianBlur(
        values, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT
    ).astype(np.float64, copy=False)
    return blurred
