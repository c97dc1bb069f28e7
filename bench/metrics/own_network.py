"""Metrics that rest on a network of the user's own: DINO's features and DreamSim.

Each is a TorchScript file that an environment variable names, as for the attack `lama`.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.metrics.base import METRICS, Image, MetricUnavailable
from bench.metrics.whole_frame import WholeFrameMetric, pixels
from framework.errors import one_line

SIDE = 224
"""Both networks look at square pictures of this side."""


class OwnNetwork(WholeFrameMetric):
    """A metric whose network is a TorchScript file.

    Attributes:
        variable: names the file.

    Raises:
        MetricUnavailable: there is no such file, or it is something else.
    """

    variable: ClassVar[str]
    smallest_side = 16

    def __init__(self) -> None:
        name = os.environ.get(self.variable, "")
        if not name or not Path(name).is_file():
            raise MetricUnavailable(
                f"{self.label} needs a TorchScript file: set {self.variable} to its path"
            )
        try:
            self._network = torch.jit.load(name, map_location="cpu").eval()
        except RuntimeError as error:
            raise MetricUnavailable(
                f"{name} is not a TorchScript file ({one_line(error)}): set {self.variable} to one"
            ) from error

    @classmethod
    def user_files(cls) -> list[Path]:
        path = Path(os.environ.get(cls.variable, ""))
        return [path] if path.is_file() else []

    @torch.inference_mode()
    def _score_frame(self, truth: Image, reconstruction: Image) -> float:
        pair = (_square(pixels(image)) for image in (truth, reconstruction))
        try:
            return self._compare(*pair)
        except (RuntimeError, ValueError) as error:
            raise MetricUnavailable(
                f"the file in {self.variable} is not {self.label} as this adapter knows it "
                f"({one_line(error)}): see docs/scores.md"
            ) from error

    @abstractmethod
    def _compare(self, truth: Tensor, mine: Tensor) -> float:
        """The score of pictures [1, 3, 224, 224] in 0 … 1."""


@METRICS.register("dino")
class Dino(OwnNetwork):
    """Cosine of a self-supervised network's features (Caron et al., ICCV 2021); 1 for identical.

    The file in ``PEDBENCH_DINO`` maps a picture [1, 3, 224, 224] in 0 … 1 to features [1, n].
    """

    label = "DINO"
    summary = "cosine of DINO's features, a TorchScript file in $PEDBENCH_DINO, whole frame"
    higher_is_worse = True
    variable = "PEDBENCH_DINO"

    def _compare(self, truth: Tensor, mine: Tensor) -> float:
        return float(F.cosine_similarity(self._network(truth), self._network(mine), dim=1))


@METRICS.register("dreamsim")
class DreamSim(OwnNetwork):
    """DreamSim's distance (Fu et al., NeurIPS 2023); 0 for identical pictures.

    The file in ``PEDBENCH_DREAMSIM`` maps two pictures [1, 3, 224, 224] in 0 … 1 to a distance.
    """

    label = "DreamSim"
    summary = "DreamSim's distance, a TorchScript file in $PEDBENCH_DREAMSIM, whole frame"
    higher_is_worse = False
    variable = "PEDBENCH_DREAMSIM"

    def _compare(self, truth: Tensor, mine: Tensor) -> float:
        return float(self._network(truth, mine))


def _square(picture: Tensor) -> Tensor:
    return F.interpolate(picture, (SIDE, SIDE), mode="bilinear", antialias=True)
