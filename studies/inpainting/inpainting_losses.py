"""What inpainters are trained for: each loss is the measure that scores them."""

from __future__ import annotations

from collections.abc import Callable

import lpips
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.metrics.lpips import PerceptualDistance
from bench.metrics.trunks.alexnet import load_trunk

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Filling and truth in 0..255 [n, 3, h, w], hidden [n, 1, h, w] → [n]; each has hidden pixels."""
NOISE = 1.0
"""Mean squared error below which PSNR no longer counts, squared grey levels."""


def psnr_loss(filled: Tensor, truth: Tensor, hidden: Tensor) -> Tensor:
    """Minus the PSNR of what is hidden, in units of 10 dB."""
    error = ((filled - truth).square() * hidden).sum(dim=(1, 2, 3))
    mean = error / (3 * hidden.sum(dim=(1, 2, 3)))
    return torch.log10((mean + NOISE) / 255**2)


def lpips_loss() -> Loss:
    """LPIPS (alex) in what is hidden, as `bench.metrics.lpips` scores it, with gradients."""
    network = PerceptualDistance(load_trunk()).network

    def features(pictures: Tensor) -> list[Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            layers = network.net(network.scaling_layer(pictures / 127.5 - 1))
        return [lpips.normalize_tensor(layer.float()) for layer in layers]

    def loss(filled: Tensor, truth: Tensor, hidden: Tensor) -> Tensor:
        within = filled + (filled.clamp(0, 255) - filled).detach()
        with torch.no_grad():
            theirs = features(truth)
        ours = features(torch.where(hidden, within, truth))
        maps = [
            interpolate(head((a - b) ** 2), truth.shape[2:], mode="bilinear")
            for a, b, head in zip(ours, theirs, network.lins, strict=True)
        ]
        distance = torch.stack(maps).sum(dim=0)
        return (distance * hidden).sum(dim=(1, 2, 3)) / hidden.sum(dim=(1, 2, 3))

    return loss
