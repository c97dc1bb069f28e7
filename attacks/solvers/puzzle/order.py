"""The order of a window's tokens, read off the position embedding that each carries with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attacks.solvers.puzzle.positions import assigned
from framework.split.windows import Window

Values = NDArray[np.float32]

STRENGTH = 1e-5
"""Regularisation, relative to the mean variance of a channel."""


@dataclass(frozen=True)
class TokenOrder:
    """Takes tokens less their position for Gaussian, and deals a window's places out by likelihood.

    No two tokens get one place (Kuhn, the Hungarian method, 1955). Patches of photos vary little
    along many directions, and there the position embedding shows.

    Attributes:
        position: the position embedding, [rows, columns, channels].
        mean: of tokens less their position, [channels].
        precision: inverse of their covariance, [channels, channels].
    """

    position: Values
    mean: Values
    precision: Values

    @classmethod
    def of(cls, position: Values, tokens: Iterable[Values]) -> TokenOrder:
        """From tokens in order, less their position: [n, channels] each."""
        values = np.concatenate([part.astype(np.float64) for part in tokens])
        covariance = np.cov(values.T)
        unit = max(np.trace(covariance) / len(covariance), 1e-12)
        precision = np.linalg.inv(covariance + STRENGTH * unit * np.eye(len(covariance)))
        mean = values.mean(axis=0).astype(np.float32)
        return cls(position, mean, precision.astype(np.float32))

    def places(self, tokens: Values, window: Window) -> NDArray[np.int64]:
        """The place in row-major order of each token of ``window``, [height · width].

        Args:
            tokens: [height, width, channels], in any order.
        """
        channels = tokens.shape[-1]
        candidates = self.position[window.token_slice].reshape(-1, channels) + self.mean
        along = candidates.astype(np.float64) @ self.precision
        fit = tokens.reshape(-1, channels) @ along.T - (along * candidates).sum(axis=1) / 2
        return assigned(fit)

    def restored(self, tokens: Values, window: Window) -> Values:
        """The same tokens [height, width, channels], each at its place."""
        flat = tokens.reshape(-1, tokens.shape[-1])
        ordered = np.empty_like(flat)
        ordered[self.places(tokens, window)] = flat
        return ordered.reshape(tokens.shape)
