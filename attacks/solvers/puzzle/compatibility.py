"""How badly two pictures fit side by side: Mahalanobis gradient compatibility.

Gallagher, Jigsaw puzzles with pieces of unknown orientation, CVPR 2012.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Piece = NDArray[np.floating]
ANCHORS = np.array(
    [
        [0, 0, 0],
        [1, 1, 1],
        [-1, -1, -1],
        [0, 0, 1],
        [0, 1, 0],
        [1, 0, 0],
        [-1, 0, 0],
        [0, -1, 0],
        [0, 0, -1],
    ]
)
"""Gradients added to each edge's, so that the covariance of a flat edge can be inverted."""


def dissimilarity(pieces: Sequence[Piece]) -> NDArray[np.float64]:
    """The cost of each piece standing left of, and above, each other.

    Args:
        pieces: pixels in 0..255, [height, width, 3], at least 2 px a side; sizes may differ.

    Returns:
        [2, n, n]: ``[0, i, j]`` of j right of i, ``[1, i, j]`` of j below i. Infinite on the
        diagonal and where the edges have different lengths.
    """
    upright = [piece.astype(np.float64) for piece in pieces]
    turned = [piece.transpose(1, 0, 2) for piece in upright]
    return np.stack([_beside(upright), _beside(turned)])


def _beside(pieces: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    count = len(pieces)
    out = [_Edge(piece[:, -1], piece[:, -1] - piece[:, -2]) for piece in pieces]
    back = [_Edge(piece[:, 0], piece[:, 0] - piece[:, 1]) for piece in pieces]
    costs = np.full((count, count), np.inf)
    for i in range(count):
        for j in range(count):
            if i != j and len(out[i].pixels) == len(back[j].pixels):
                costs[i, j] = out[i].cost(back[j]) + back[j].cost(out[i])
    return costs


class _Edge:
    """Pixels along an edge, [length, 3], and how gradients across it are distributed."""

    def __init__(self, pixels: NDArray[np.float64], gradients: NDArray[np.float64]) -> None:
        self.pixels = pixels
        self.mean = gradients.mean(axis=0)
        self.inverse = np.linalg.inv(np.cov(np.concatenate([gradients, ANCHORS]).T))

    def cost(self, other: _Edge) -> float:
        """Mahalanobis distance of the gradients that lead over to ``other``, mean over pixels."""
        away = other.pixels - self.pixels - self.mean
        return float(np.einsum("pi,ij,pj->p", away, self.inverse, away).mean())
