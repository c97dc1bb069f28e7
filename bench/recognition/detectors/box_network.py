"""A small network that draws boxes: torchvision's FCOS on what EfficientNet-Lite0 sees.

FCOS: Tian et al., ICCV 2019. The trunk keeps its ImageNet weights, which the extra ``perceptual``
brings; a thin pyramid and the heads are ours.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOS, FCOSHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FeaturePyramidNetwork

from bench.metrics.classifier import block_outputs, classifier_weights

LEVELS = {4: 40, 10: 112, 15: 320}
"""Blocks of the trunk that are looked at, with their channels."""
STRIDES = (8, 16, 32)
"""Pixels per cell of each level."""
CHANNELS = 64
CONVOLUTIONS = 2
"""Of each head, before its last."""
MEAN, SCALE = 127 / 255, 128 / 255
"""What the trunk's pixels were shifted and divided by."""
OVERLAP = 0.5
"""IoU from which the less sure of two boxes of a class is dropped."""

Levels = list[Tensor]
"""[n, 40, h/8, w/8], [n, 112, h/16, w/16] and [n, 320, h/32, w/32]."""


class Pyramid(nn.Module):
    """Three levels of `CHANNELS` channels, over the frozen trunk.

    Raises:
        MetricUnavailable: when it looks at pixels, and the trunk's weights are missing.
    """

    out_channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.pyramid = FeaturePyramidNetwork(list(LEVELS.values()), CHANNELS)

    def forward(self, pixels: Tensor) -> OrderedDict[str, Tensor]:
        return self.merge(trunk(pixels))

    def merge(self, levels: Sequence[Tensor]) -> OrderedDict[str, Tensor]:
        """The pyramid's maps of what the trunk saw."""
        named = OrderedDict((str(stride), x) for stride, x in zip(STRIDES, levels, strict=True))
        maps: OrderedDict[str, Tensor] = self.pyramid(named)
        return maps


class AsLarge(GeneralizedRCNNTransform):
    """Shifts, scales and pads pictures, and leaves their size."""

    def resize(self, image: Tensor, target: Any = None) -> tuple[Tensor, Any]:
        return image, target


class BoxNetwork(FCOS):
    """Pictures [3, h, w] in 0 … 1 → ``boxes``, ``labels`` (from 0) and ``scores`` of each.

    Args:
        classes: how many.
        sure: confidence from which a box is given.
    """

    def __init__(self, classes: int, sure: float) -> None:
        super().__init__(
            Pyramid(),
            classes,
            anchor_generator=AnchorGenerator(tuple((s,) for s in STRIDES), ((1.0,),) * 3),
            head=FCOSHead(CHANNELS, 1, classes, CONVOLUTIONS),
            score_thresh=sure,
            nms_thresh=OVERLAP,
        )
        self.transform = AsLarge(1, 1, [MEAN] * 3, [SCALE] * 3)

    def loss(self, levels: Levels, targets: list[dict[str, Tensor]]) -> Tensor:
        """FCOS's loss of what the trunk saw, against ``boxes`` (pixels) and ``labels`` of each."""
        maps = list(self.backbone.merge(levels).values())
        height, width = (STRIDES[0] * side for side in levels[0].shape[2:])
        size = len(targets), 3, height, width
        images = ImageList(levels[0].new_zeros(1).expand(size), [(height, width)] * len(targets))
        cells = [x.shape[2] * x.shape[3] for x in maps]
        losses = self.compute_loss(
            targets, self.head(maps), self.anchor_generator(images, maps), cells
        )
        total: Tensor = sum(losses.values(), torch.zeros(()))
        return total


@torch.no_grad()
def trunk(pixels: Tensor) -> Levels:
    """What the trunk sees of pictures [n, 3, h, w], shifted and scaled; sides multiples of 32."""
    outputs = block_outputs(pixels, classifier_weights())
    return [outputs[number] for number in LEVELS]


def own_weights(network: BoxNetwork) -> dict[str, Tensor]:
    """What is ours of its weights, float16: all but the trunk, which it does not hold."""
    state: dict[str, Any] = network.state_dict()
    return {name: value.half().contiguous() for name, value in state.items()}
