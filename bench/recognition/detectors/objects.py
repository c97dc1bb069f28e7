"""Objects of everyday classes, found by torchvision's detector (Faster R-CNN, trained on COCO)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection import (
    FasterRCNN_MobileNet_V3_Large_FPN_Weights as Weights,
)
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_fpn

from bench.metrics.base import Image
from bench.recognition.base import RECOGNISERS, RecogniserUnavailable
from bench.recognition.canvas import SIDE
from bench.recognition.detectors.detection import Detector
from framework.errors import one_line
from framework.files.download import sha256_of

URL: str = Weights.DEFAULT.url
PUBLISHED = URL.rpartition("-")[2].removesuffix(".pth")
"""The first digits of the file's SHA-256, which is all that is published of it."""
SURE = 0.5
"""Confidence from which a detection counts, in the original and elsewhere."""

Network = Callable[[list[Tensor]], list[dict[str, Tensor]]]


@RECOGNISERS.register("objects")
class Objects(Detector):
    """The 80 classes of COCO, class and place, at a confidence of 0.5.

    Args:
        side: longest side of the canvas, pixels.
        network: takes pictures [3, h, w] in 0..1 and gives each its ``boxes``, ``labels`` and
            ``scores``, as torchvision's detectors do; the cached one when None.
    """

    name = "objects"
    summary = "objects of COCO's classes found by torchvision's Faster R-CNN"
    metrics = ("object_recall", "object_false_alarms")

    def __init__(self, side: int = SIDE, network: Network | None = None) -> None:
        super().__init__(side)
        self._network = network

    @classmethod
    def available(cls) -> str | None:
        path = weights_path()
        if path.is_file():
            return None
        return f"no detector at {_shown(path)}: put the file of {URL} there"

    @torch.inference_mode()
    def _detect(self, canvas: Image) -> tuple[Sequence[Sequence[float]], Sequence[int]]:
        if self._network is None:
            self._network = _load(weights_path())
        pixels = torch.from_numpy(canvas).permute(2, 0, 1) / 255
        found = self._network([pixels])[0]
        sure = found["scores"] >= SURE
        return found["boxes"][sure].tolist(), found["labels"][sure].tolist()


def weights_path() -> Path:
    """Where torchvision keeps the detector's weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / URL.rpartition("/")[2]


def _shown(path: Path) -> str:
    """A path as records tell it: what lies at home says nothing of whose home it is."""
    home = Path(os.path.expanduser("~"))
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _load(path: Path) -> Any:
    if not (found := sha256_of(path)).startswith(PUBLISHED):
        raise RecogniserUnavailable(
            f"{path} is not the detector (SHA-256 {found[:12]}…, {PUBLISHED}… is published): "
            f"delete it and fetch {URL} again"
        )
    network = fasterrcnn_mobilenet_v3_large_fpn(weights=None, weights_backbone=None)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise RecogniserUnavailable(
            f"{path} is not the detector ({one_line(error)}): delete it and fetch {URL} again"
        ) from error
    return network.eval().requires_grad_(False)
