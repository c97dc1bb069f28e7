"""Peak signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import METRICS, Image, Mask, Metric, Score, region_mean

DATA_RANGE = 255.0
CAP_DB = 60.0


@METRICS.register("psnr")
class Psnr(Metric):
    """PSNR in a region: uint8 against uint8, all channels together, capped at 60 dB."""

    name = "psnr"
    summary = "peak signal-to-noise ratio, capped at 60 dB"
    label = "PSNR"
    unit = "dB"
    decimals = 2
    higher_is_worse = True
    place = 1

    def _score_many(
        self, truth: Image, reconstructions: Sequence[Image], regions: Sequence[Mask]
    ) -> list[list[Score]]:
        errors = [squared_error(truth, image) for image in reconstructions]
        return [[decibels(region_mean(error, region)) for region in regions] for error in errors]


def squared_error(truth: Image, reconstruction: Image) -> NDArray[np.float64]:
    """The squared error of two uint8 [h, w, 3] images, averaged over channels: [h, w]."""
    difference = truth.astype(np.int32) - reconstruction
    return np.square(difference).mean(axis=2)


def decibels(mean_squared_error: Score) -> Score:
    """PSNR in dB of a mean squared error in squared grey levels; None stays None."""
    if mean_squared_error is None:
        return None
    if mean_squared_error == 0:
        return CAP_DB
    return min(CAP_DB, 10 * log10(DATA_RANGE**2 / mean_squared_error))
