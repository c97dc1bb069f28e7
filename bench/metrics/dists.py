"""Deep image structure and texture similarity (Ding et al., IEEE TPAMI 2022)."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from bench.metrics.base import METRICS, Image, MetricUnavailable
from bench.metrics.trunks.vgg16 import ensure_vgg16
from bench.metrics.whole_frame import INSTALL, WholeFrameMetric, pixels
from framework.errors import PedbenchError
from framework.files.download import sha256_of

WEIGHTS_SHA256 = "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218"
STAGES = ((0, 1), (2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12))
"""VGG16's convolutions by stage; a pooling stands between two stages."""
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
STABILISER = 1e-6
"""The constants c1 and c2 of the paper."""


@METRICS.register("dists")
class Dists(WholeFrameMetric):
    """DISTS; 0 for identical pictures. Tolerates another sample of the same texture.

    VGG16 comes from where `pedbench train --teacher vgg16` has it, the weights of its channels
    from the package `DISTS-pytorch`, as data: its code is not run.

    Raises:
        MetricUnavailable: either is missing, or is not what was published.
    """

    label = "DISTS"
    summary = "deep structure and texture distance, VGG16, whole frame"
    higher_is_worse = False
    smallest_side = 32

    def __init__(self) -> None:
        weights = _channel_weights()
        try:
            self._trunk = load_file(ensure_vgg16())
        except PedbenchError as error:
            raise MetricUnavailable(f"DISTS needs VGG16: {error}") from error
        total = weights["alpha"].sum() + weights["beta"].sum()
        self._structure = (weights["beta"] / total).flatten()
        self._texture = (weights["alpha"] / total).flatten()
        self._truth_features = lru_cache(maxsize=1)(self._features_of_bytes)

    @torch.inference_mode()
    def _score_frame(self, truth: Image, reconstruction: Image) -> float:
        stages = zip(
            features(pixels(reconstruction), self._trunk),
            self._truth_features(truth.tobytes(), truth.shape),
            strict=True,
        )
        texture, structure = zip(*(similarities(*pair) for pair in stages), strict=True)
        alike = (self._texture * torch.cat(texture)).sum()
        alike += (self._structure * torch.cat(structure)).sum()
        return max(0.0, 1 - float(alike))

    def _features_of_bytes(self, data: bytes, shape: tuple[int, ...]) -> list[Tensor]:
        return features(pixels(np.frombuffer(data, np.uint8).reshape(shape).copy()), self._trunk)


def features(images: Tensor, trunk: dict[str, Tensor]) -> list[Tensor]:
    """The pixels [n, 3, h, w] in 0 … 1 and the five stages of VGG16, with Hann pooling."""
    found = [images]
    mean, std = (images.new_tensor(each)[:, None, None] for each in (MEAN, STD))
    value = (images - mean) / std
    for stage, layers in enumerate(STAGES):
        value = hann_pool(value) if stage else value
        for layer in layers:
            kernel, bias = trunk[f"conv{layer}.weight"], trunk[f"conv{layer}.bias"]
            value = F.conv2d(value, kernel, bias, padding=1).relu()
        found.append(value)
    return found


def hann_pool(value: Tensor) -> Tensor:
    """Root of the Hann-weighted mean square at every other place (section III-A)."""
    window = torch.from_numpy(np.hanning(5)[1:-1]).to(value)
    kernel = torch.outer(window, window)
    kernel = (kernel / kernel.sum()).expand(value.shape[1], 1, 3, 3)
    squares = F.conv2d(value**2, kernel, stride=2, padding=1, groups=value.shape[1])
    return (squares + 1e-12).sqrt()


def similarities(mine: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor]:
    """Similarity of texture and of structure, one a channel (equations 3 and 4)."""
    mean, other = mine.mean((2, 3)), theirs.mean((2, 3))
    texture = (2 * mean * other + STABILISER) / (mean**2 + other**2 + STABILISER)
    variance = ((mine - mean[..., None, None]) ** 2).mean((2, 3))
    other_variance = ((theirs - other[..., None, None]) ** 2).mean((2, 3))
    covariance = (mine * theirs).mean((2, 3)) - mean * other
    structure = (2 * covariance + STABILISER) / (variance + other_variance + STABILISER)
    return texture[0], structure[0]


def _channel_weights() -> dict[str, Tensor]:
    try:
        members = files("DISTS-pytorch") or []
    except PackageNotFoundError as error:
        raise MetricUnavailable(f"DISTS needs its weights: {INSTALL}") from error
    places = [Path(str(file.locate())) for file in members if file.name == "weights.pt"]
    if not places or sha256_of(places[0]) != WEIGHTS_SHA256:
        raise MetricUnavailable(f"DISTS-pytorch does not hold the weights of 0.1: {INSTALL}")
    weights: dict[str, Tensor] = torch.load(places[0], map_location="cpu", weights_only=True)
    return weights
