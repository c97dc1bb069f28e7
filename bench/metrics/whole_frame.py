"""What metrics share that score a frame as a whole, and the two that `piq` computes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.metrics.base import METRICS, Image, Mask, Metric, MetricUnavailable, Score

INSTALL = "run \"pip install 'pedbench[perceptual]'\""


class WholeFrameMetric(Metric):
    """A metric that has no meaning inside a part of a frame: ``full`` alone gets a score.

    Attributes:
        smallest_side: of frames that can be scored, pixels.
    """

    on_demand = True
    smallest_side: ClassVar[int]

    def _score_many(
        self, truth: Image, reconstructions: Sequence[Image], regions: Sequence[Mask]
    ) -> list[list[Score]]:
        height, width = truth.shape[:2]
        if min(height, width) < self.smallest_side:
            raise MetricUnavailable(
                f"{self.label or self.name} needs frames of at least {self.smallest_side} px "
                f"a side, this one is {height}×{width}"
            )
        whole = [bool(region.all()) for region in regions]
        if not any(whole):
            return [[None] * len(whole) for _ in reconstructions]
        scores = [self._score_frame(truth, image) for image in reconstructions]
        return [[score if full else None for full in whole] for score in scores]

    @abstractmethod
    def _score_frame(self, truth: Image, reconstruction: Image) -> float:
        """The score of one reconstruction uint8 [h, w, 3]."""


class PiqMetric(WholeFrameMetric):
    """A function of `piq`, the well-kept library of image quality metrics.

    Raises:
        MetricUnavailable: `piq` is not installed.
    """

    function: ClassVar[str]

    def __init__(self) -> None:
        try:
            import piq  # an extra, half a second of processor time
        except ImportError as error:
            raise MetricUnavailable(f"{self.label} needs piq: {INSTALL}") from error
        self._function: Callable[..., Tensor] = getattr(piq, self.function)

    @torch.inference_mode()
    def _score_frame(self, truth: Image, reconstruction: Image) -> float:
        arguments: dict[str, Any] = {"data_range": 1.0, "reduction": "none"}
        pair = (pixels(image).double() for image in (reconstruction, truth))
        return float(self._function(*pair, **arguments))


def pixels(image: Image) -> Tensor:
    """A picture uint8 [h, w, 3] as float32 [1, 3, h, w] in 0 … 1."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


@METRICS.register("ms_ssim")
class MsSsim(PiqMetric):
    """SSIM over five scales (Wang, Simoncelli and Bovik, Asilomar 2003); 1 for identical ones."""

    label = "MS-SSIM"
    summary = "structural similarity over five scales, whole frame"
    higher_is_worse = True
    smallest_side = 161
    function = "multi_scale_ssim"


@METRICS.register("haarpsi")
class HaarPsi(PiqMetric):
    """Haar wavelet similarity (Reisenhofer et al., 2018); 1 for identical ones."""

    label = "HaarPSI"
    summary = "Haar wavelet perceptual similarity, whole frame"
    higher_is_worse = True
    smallest_side = 16
    function = "haarpsi"


@METRICS.register("vif")
class Vif(PiqMetric):
    """Visual information fidelity in the pixel domain (Sheikh and Bovik, 2006)."""

    label = "VIFp"
    summary = "visual information fidelity, pixel domain, whole frame"
    higher_is_worse = True
    smallest_side = 41
    function = "vif_p"
