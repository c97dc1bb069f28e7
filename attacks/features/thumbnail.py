"""A thumbnail of the whole picture from the tokens of any window, by linear regression.

After a global block each token carries something of the whole picture, windows in the padding not
excepted; before it, what a window tells of the rest is natural context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from attacks.features.public_examples import resized
from attacks.solvers.ridge import SMALLEST
from framework.split.windows import WindowGrid

SIDE = 4
"""Of the thumbnail, pixels; it is stretched over the frame."""
FEWEST = 8
"""Photos from which a window's regression is learned at least."""
STRENGTHS = 10.0 ** np.arange(-4, 3.01, 0.5)
"""Regularisations tried, relative to the mean variance along the photos' axes."""
PREFIX = "thumbnail."

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Thumbnails:
    """One ridge regression for each slot: a window, apart for where it shows the photo or not.

    Attributes:
        matrix: [slots, inputs, outputs].
        mean_in, mean_out: [slots, inputs] and [slots, outputs].
        weight: inverse of the mean squared error on photos left out; 0 where a slot was seen on
            fewer than `FEWEST` photos.
    """

    matrix: Array
    mean_in: Array
    mean_out: Array
    weight: Array

    @classmethod
    def fit(
        cls,
        inputs: Sequence[Array],
        photos: Sequence[NDArray[np.uint8]],
        grids: Sequence[WindowGrid],
    ) -> tuple[Thumbnails, list[Array]]:
        """Learn from photos.

        Args:
            inputs: `window_means` of each photo.

        Returns:
            The regressions, and for each photo what those that leave it out say of it, [windows,
            outputs], so that later learners see no estimate better than they will get.
        """
        windows, width = inputs[0].shape
        truth = np.stack([resized(photo, (SIDE, SIDE)).ravel() for photo in photos])
        shape = 2 * windows, width, truth.shape[1]
        fitted = cls(
            np.zeros(shape, np.float32),
            np.zeros(shape[:2], np.float32),
            np.tile(truth.mean(axis=0), (shape[0], 1)).astype(np.float32),
            np.zeros(shape[0], np.float32),
        )
        left_out = [np.tile(truth.mean(axis=0), (windows, 1)) for _ in photos]
        for slot in range(shape[0]):
            window = slot // 2
            rows = [i for i, g in enumerate(grids) if _slot(g, window) == slot]
            if len(rows) < FEWEST:
                continue
            x = np.stack([inputs[i][window] for i in rows])
            estimates = fitted._fit_slot(slot, x, truth[rows])
            for i, estimate in zip(rows, estimates, strict=True):
                left_out[i][window] = estimate
        return fitted, [values.astype(np.float32) for values in left_out]

    def _fit_slot(self, slot: int, x: Array, y: Array) -> NDArray[np.float64]:
        """Ridge in the photos' own axes; returns each photo's estimate by all others.

        The strength is the one whose left-out estimates do best.
        """
        mean_x, mean_y = x.mean(axis=0, dtype=np.float64), y.mean(axis=0, dtype=np.float64)
        centred, target = x - mean_x, y - mean_y
        variances, axes = np.linalg.eigh(centred @ centred.T)
        unit = max(float(variances.clip(0).mean()), SMALLEST)
        best = np.inf, np.zeros(0), 0.0
        for strength in STRENGTHS * unit:
            share = variances.clip(0) / (variances.clip(0) + strength)
            leverage = (axes**2 @ share + 1 / len(x)).clip(0, 1 - 1e-6)[:, None]
            missed = (target - (axes * share) @ (axes.T @ target)) / (1 - leverage)
            error = float(np.square(missed).mean())
            if error < best[0]:
                best = error, y - missed, strength
        error, estimates, strength = best
        dual = axes @ ((axes.T @ target) / (variances.clip(0) + strength)[:, None])
        self.matrix[slot] = centred.T @ dual
        self.mean_in[slot], self.mean_out[slot] = mean_x, mean_y
        self.weight[slot] = 1 / max(error, 1e-3)
        return estimates

    def estimates(self, inputs: Array, grid: WindowGrid) -> Array:
        """What each window says, [windows, outputs]."""
        slots = self.slots(grid)
        centred = inputs - self.mean_in[slots]
        return self.mean_out[slots] + np.einsum("wi,wio->wo", centred, self.matrix[slots])

    def slots(self, grid: WindowGrid) -> NDArray[np.int64]:
        """The slot of each window, [windows]."""
        return np.array([_slot(grid, window) for window in range(len(grid.windows))])

    def picture(self, estimates: Array, windows: Iterable[int], grid: WindowGrid) -> Array | None:
        """What several windows say together, [*frame_size, 3] in 0..255; ``None`` if nothing."""
        held = list(windows)
        weight = self.weight[self.slots(grid)[held]] if held else np.zeros(0, np.float32)
        if not weight.any():
            return None
        thumbnail = np.average(estimates[held], axis=0, weights=weight).reshape(SIDE, SIDE, 3)
        return resized(thumbnail.clip(0, 255), grid.frame_size)

    def state(self) -> dict[str, NDArray[Any]]:
        """As named arrays."""
        return {PREFIX + name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def load(cls, state: Mapping[str, NDArray[Any]]) -> Thumbnails:
        """What `state` wrote down."""
        return cls(*(state[PREFIX + name] for name in cls.__dataclass_fields__))


def window_means(tokens: Sequence[Tensor], grid: WindowGrid) -> Array:
    """Mean token of each window over all stages: [windows, channels of all stages].

    Args:
        tokens: standardised, zero where not held: one [1, channels, rows, columns] a stage.
    """
    maps = np.concatenate([part[0].numpy() for part in tokens])
    places = [(slice(None), *window.token_slice) for window in grid.windows]
    return np.stack([maps[place].mean(axis=(1, 2)) for place in places])


def _slot(grid: WindowGrid, window: int) -> int:
    return 2 * window + grid.windows[window].has_content
