"""Where a window stands, read off its tokens: they carry the position embedding with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from attacks.features.tokens import HELD_OUT
from attacks.solvers.ridge import Moments, ridge
from framework.errors import PedbenchError

Tokens = NDArray[np.float32]


class PositionPredictor:
    """Ridge regression from a window's mean token to the cell where it stands.

    Cells are then dealt out so that no two windows share one (Kuhn, the Hungarian method, 1955).

    Args:
        cells: of the grid.
        state: of a fitted predictor.
    """

    def __init__(self, cells: int, state: Mapping[str, NDArray[Any]] | None = None) -> None:
        self.cells = cells
        self.learned = dict(state or {})

    def fit(self, pictures: Sequence[Mapping[int, Tokens]], seed: int = 0) -> None:
        """Learn from public pictures sent through the same system.

        Args:
            pictures: cell → tokens [height, width, channels] for each.
            seed: of the split into pictures to learn from and to choose the regularisation by.

        Raises:
            PedbenchError: there is no picture.
        """
        if not pictures:
            raise PedbenchError("the position predictor learns from public photos: give one")
        order = np.random.default_rng(seed).permutation(len(pictures))
        held_out = [pictures[i] for i in order[::HELD_OUT]]
        training = [pictures[i] for n, i in enumerate(order) if n % HELD_OUT] or held_out
        solution, _ = ridge(self._moments(training), self._moments(held_out))
        self.learned = {
            "matrix": solution.matrix.astype(np.float32),
            "mean_in": solution.mean_x.astype(np.float32),
            "mean_out": solution.mean_y.astype(np.float32),
        }

    def scores(self, windows: Sequence[Tokens]) -> NDArray[np.float32]:
        """How well each window suits each cell, [n, cells]; about 1 for its own.

        Raises:
            PedbenchError: nothing was learned yet.
        """
        if not self.learned:
            raise PedbenchError("the position predictor has learned nothing: call fit")
        centred = _means(windows) - self.learned["mean_in"]
        return self.learned["mean_out"] + centred @ self.learned["matrix"]

    def _moments(self, pictures: Iterable[Mapping[int, Tokens]]) -> Moments:
        pairs = [(cell, tokens) for picture in pictures for cell, tokens in picture.items()]
        target = np.eye(self.cells)[[cell for cell, _ in pairs]]
        return Moments.of(_means([tokens for _, tokens in pairs]), target)


def assigned(
    scores: NDArray[np.floating], fits: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Deal out cells so that the sum of scores is largest and no two windows share one.

    Args:
        scores: [windows, cells].
        fits: whether a window can stand in a cell at all, same shape; kept to where possible.

    Returns:
        The cell of each window, [windows].

    Raises:
        PedbenchError: there are more windows than cells.
    """
    if len(scores) > scores.shape[1]:
        raise PedbenchError(f"{len(scores)} windows on {scores.shape[1]} cells: give a larger grid")
    if fits is not None:
        unfit = 1 + scores.size * float(np.ptp(scores))
        scores = np.where(fits, scores, scores - unfit)
    _, cells = linear_sum_assignment(scores, maximize=True)
    return cells.astype(np.int64)


def _means(windows: Sequence[Tokens]) -> NDArray[np.float32]:
    return np.stack([tokens.mean(axis=(0, 1)) for tokens in windows])
