"""An adapter trained to leave pixels uncertain, given the tokens."""

from __future__ import annotations

import torch
from torch import Tensor

from framework.split.defences.base import DEFENCES
from framework.split.defences.trained.adapter import AdapterDefence, PrivacyTerm

RIDGE = 1e-2
"""Noise that is assumed on tokens and pixels, relative to their variance."""


@DEFENCES.register("conditional_entropy")
class ConditionalEntropy(AdapterDefence):
    """Lowers the information between tokens and pixels, both taken for jointly Gaussian.

    The aim is that of conditional entropy maximisation (Xia et al., CEM, ICML 2025). Its mixture
    model is replaced by one Gaussian, which bounds what linear attackers can gain.
    """

    label = "conditional-entropy adapter"
    axis = "weight of the information"
    summary = "an adapter on the edge, trained to lower the Gaussian information on pixels"

    def privacy(self, channels: int, values: int) -> PrivacyTerm:
        return GaussianInformation()


class GaussianInformation(PrivacyTerm):
    """Information on the pixels as a share of their own entropy above the assumed noise, 0 to 1."""

    def forward(self, tokens: Tensor, pixels: Tensor) -> Tensor:
        seen, truth = _whitened_scale(tokens), _whitened_scale(pixels)
        own = _covariance(truth, truth)
        noise = RIDGE * torch.eye(len(own), device=own.device)
        inner = _covariance(seen, seen)
        inner = inner + RIDGE * torch.eye(len(inner), device=inner.device)
        cross = _covariance(truth, seen)
        left = own - cross @ torch.linalg.solve(inner, cross.T)
        before, after, least = (
            torch.linalg.slogdet(part).logabsdet for part in (own + noise, left + noise, noise)
        )
        return (before - after) / (before - least)


def _whitened_scale(values: Tensor) -> Tensor:
    """Centred, and divided by the standard deviation over all channels."""
    centred = values - values.mean(dim=0)
    return centred / centred.square().mean().sqrt().clamp(min=1e-6)


def _covariance(one: Tensor, other: Tensor) -> Tensor:
    return one.T @ other / len(one)
