"""How much of an arrangement is right (Cho, Avidan, Freeman, CVPR 2010; Gallagher, CVPR 2012)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True)
class JigsawScores:
    """Shares in 0..1; ``None`` where there is nothing to judge.

    Attributes:
        direct: pieces in their own cell.
        neighbour: of the pairs that are neighbours in truth, those placed side by side alike.
        largest: pieces in the largest group whose members are joined by such pairs.
    """

    direct: float | None
    neighbour: float | None
    largest: float | None


def score(placed: Sequence[int], truth: Sequence[int], shape: tuple[int, int]) -> JigsawScores:
    """Judge an arrangement.

    Args:
        placed: the cell of each piece, row-major.
        truth: the cell where it belongs.
        shape: rows and columns of the grid.
    """
    n = len(truth)
    if n == 0:
        return JigsawScores(None, None, None)
    expected, found = set(_pairs(truth, shape)), set(_pairs(placed, shape))
    kept = expected & found
    joined = np.array([(i, j) for _, i, j in kept], dtype=int).reshape(-1, 2)
    graph = coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    return JigsawScores(
        direct=float(np.mean(np.equal(placed, truth))),
        neighbour=len(kept) / len(expected) if expected else None,
        largest=float(np.bincount(labels).max() / n),
    )


def _pairs(cells: Sequence[int], shape: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Direction and the two pieces of every pair of neighbours, the left or upper one first."""
    piece = {int(cell): index for index, cell in enumerate(cells)}
    for cell, index in piece.items():
        if (cell + 1) % shape[1] and cell + 1 in piece:
            yield 0, index, piece[cell + 1]
        if cell + shape[1] in piece:
            yield 1, index, piece[cell + shape[1]]
