"""An adapter trained to break the distance correlation of tokens and pixels."""

from __future__ import annotations

from torch import Tensor

from framework.split.defences.base import DEFENCES
from framework.split.defences.trained.adapter import AdapterDefence, PrivacyTerm


@DEFENCES.register("nopeek")
class NoPeek(AdapterDefence):
    """Distance correlation as the privacy term: Vepakomma et al., NoPeek (ICDM workshops 2020)."""

    label = "NoPeek adapter"
    axis = "weight of the distance correlation"
    summary = "an adapter on the edge, trained to lower the distance correlation with pixels"

    def privacy(self, channels: int, values: int) -> PrivacyTerm:
        return DistanceCorrelation()


class DistanceCorrelation(PrivacyTerm):
    """Squared distance correlation (Székely et al., Annals of Statistics 2007), 0 to 1."""

    def forward(self, tokens: Tensor, pixels: Tensor) -> Tensor:
        one, other = _centred(tokens), _centred(pixels)
        spread = (one.square().mean() * other.square().mean()).sqrt()
        return (one * other).mean() / spread.clamp(min=1e-12)


def _centred(points: Tensor) -> Tensor:
    """Distances of all pairs, centred by row and column, [n, n]."""
    square = (points[:, None] - points[None]).square().sum(dim=-1)
    distance = (square + 1e-9).sqrt()
    rows, columns = distance.mean(dim=1, keepdim=True), distance.mean(dim=0, keepdim=True)
    return distance - rows - columns + distance.mean()
