"""Placing pieces on a grid, all of them or few, so that neighbours fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attacks.solvers.puzzle.compatibility import Piece, dissimilarity
from framework.errors import PedbenchError

STARTS = 8
SWEEPS = 100
SHIFTS = 4
"""Cyclic shifts of the whole board tried in each sweep."""
HOTTEST, COLDEST = 1.0, 0.02
EMPTY = -1


def assemble(pieces: Sequence[Piece], shape: tuple[int, int], seed: int = 0) -> NDArray[np.int64]:
    """Place pieces of unknown position by how well their edges fit.

    Simulated annealing over swaps of cells and shifts of the board, from several starts. Each
    adjacency earns how much better it fits than either piece's second choice, so that few pieces
    are neither torn apart nor pressed together.

    Args:
        pieces: pixels in 0..255, [height, width, 3]; at most as many as cells.
        shape: rows and columns of the grid.
        seed: of the annealing.

    Returns:
        The cell of each piece in row-major order, [n].

    Raises:
        PedbenchError: there are more pieces than cells.
    """
    cells = shape[0] * shape[1]
    if len(pieces) > cells:
        raise PedbenchError(f"{len(pieces)} windows on {cells} cells: give a larger grid")
    if not pieces:
        return np.zeros(0, dtype=np.int64)
    gains = affinity(dissimilarity(pieces))
    rng = np.random.default_rng(seed)
    results = [_anneal(gains, shape, rng) for _ in range(STARTS)]
    _, board = max(results, key=lambda result: result[0])
    place = np.empty(len(pieces), dtype=np.int64)
    occupied = board != EMPTY
    place[board[occupied]] = np.flatnonzero(occupied)
    return place


def affinity(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each adjacency earns, at most 1 and at least −1: [2, n, n] from `dissimilarity`.

    0 where a fit is as good as the second best of either piece.
    """
    n = costs.shape[1]
    if n < 3:
        return np.where(np.isfinite(costs), 0.5, -1.0)
    choices = np.concatenate([costs, costs.transpose(0, 2, 1)]).reshape(4 * n, n)
    ranked = np.sort(choices, axis=1)
    second = np.where(np.isfinite(ranked[:, 1]), ranked[:, 1], np.nan)
    usual = np.fmin(second[: 2 * n].reshape(2, n, 1), second[2 * n :].reshape(2, 1, n))
    with np.errstate(invalid="ignore"):
        gains = 1 - costs / np.maximum(np.nan_to_num(usual, nan=np.inf), 1e-9)
    gains = np.nan_to_num(gains, nan=-1.0, neginf=-1.0)
    return np.clip(np.where(np.isfinite(costs), gains, -1.0), -1, 1)


def _anneal(
    gains: NDArray[np.float64], shape: tuple[int, int], rng: np.random.Generator
) -> tuple[float, NDArray[np.int64]]:
    """The best gain found, and the board: the piece in each cell or `EMPTY`."""
    cells = shape[0] * shape[1]
    board = np.full(cells, EMPTY)
    board[: gains.shape[1]] = np.arange(gains.shape[1])
    board = rng.permutation(board)
    table = np.pad(gains, ((0, 0), (0, 1), (0, 1))).tolist()
    near = _neighbours(shape)
    total = sum(_earned(board, cell, table, near) for cell in range(cells)) / 2
    best, kept = total, board.copy()
    for heat in np.geomspace(HOTTEST, COLDEST, SWEEPS):
        for a, b in rng.integers(cells, size=(cells * 8, 2)):
            if board[a] == board[b]:
                continue
            before = _pair(board, a, b, table, near)
            board[a], board[b] = board[b], board[a]
            change = _pair(board, a, b, table, near) - before
            if change >= 0 or rng.random() < np.exp(change / heat):
                total += change
                if total > best + 1e-9:
                    best, kept = total, board.copy()
            else:
                board[a], board[b] = board[b], board[a]
        for _ in range(SHIFTS):
            moved = np.roll(board.reshape(shape), rng.integers(-1, 2, size=2), axis=(0, 1)).ravel()
            earned = sum(_earned(moved, cell, table, near) for cell in range(cells)) / 2
            if earned >= total or rng.random() < np.exp((earned - total) / heat):
                board, total = moved, earned
                if total > best + 1e-9:
                    best, kept = total, board.copy()
    return best, kept


def _neighbours(shape: tuple[int, int]) -> list[list[tuple[int, int, bool]]]:
    """For each cell its neighbours: direction, cell, and whether that one comes first."""
    rows, columns = shape
    near: list[list[tuple[int, int, bool]]] = [[] for _ in range(rows * columns)]
    for cell in range(rows * columns):
        for direction, ahead, there in (
            (0, cell + 1, (cell + 1) % columns != 0),
            (1, cell + columns, cell + columns < rows * columns),
        ):
            if there:
                near[cell].append((direction, ahead, False))
                near[ahead].append((direction, cell, True))
    return near


def _earned(board: NDArray[np.int64], cell: int, table: list, near: list) -> float:
    own = board[cell]
    return sum(
        table[direction][board[other]][own] if first else table[direction][own][board[other]]
        for direction, other, first in near[cell]
    )


def _pair(board: NDArray[np.int64], a: int, b: int, table: list, near: list) -> float:
    """What two cells earn, their common border once."""
    total = _earned(board, a, table, near) + _earned(board, b, table, near)
    for direction, other, first in near[a]:
        if other == b:
            one, two = (board[b], board[a]) if first else (board[a], board[b])
            total -= table[direction][one][two]
    return total
