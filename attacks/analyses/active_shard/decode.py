"""Colours of hidden cells from what a shard was sent, by regression on public photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from attacks.analyses.active_shard.probes import Probes
from attacks.solvers.ridge import LinearMap, Moments, ridge

Values = NDArray[np.float32]

STRENGTHS = 10.0 ** np.arange(-2, 6.01, 0.5)
"""Regularisations tried, relative to the mean square of a feature."""


@dataclass(frozen=True)
class ProbeDecoder:
    """One linear map for all probes: from a token less its mean to its cell's colour less its mean.

    Attributes:
        solution: the map.
        tokens, colours: means over public photos, [probes, channels] and [cells, 3].
    """

    solution: LinearMap
    tokens: Values
    colours: Values

    @classmethod
    def fit(cls, probes: Probes, tokens: Values, colours: Values) -> ProbeDecoder:
        """Learn from public photos, every fourth of which chooses the regularisation.

        Args:
            tokens: received, [photos, probes, channels].
            colours: of the cells, [photos, cells, 3].
        """
        mean_tokens, mean_colours = tokens.mean(0), colours.mean(0)
        x, y = tokens - mean_tokens, (colours - mean_colours)[:, probes.aims]
        chosen = np.arange(len(x)) % 4 == 0
        parts = (
            Moments.of(x[rows].reshape(-1, x.shape[-1]), y[rows].reshape(-1, 3))
            for rows in (~chosen, chosen)
        )
        solution, _ = ridge(*parts)
        return cls(solution, mean_tokens, mean_colours)

    def __call__(self, probes: Probes, tokens: Values) -> Values:
        """Colours [photos, cells, 3], the mean of what the probes of a cell say."""
        x = tokens - self.tokens
        says = self.solution.mean_y + (x - self.solution.mean_x) @ self.solution.matrix
        aimed = probes.aims == np.arange(len(probes.cells))[:, None]
        weights = aimed / np.maximum(aimed.sum(axis=1, keepdims=True), 1)
        return (self.colours + weights @ says).astype(np.float32)


class WholeDecoder:
    """Ridge regression from all tokens received at once to all hidden cells.

    Args:
        tokens: received of public photos, [photos, probes, channels].
        colours: of the cells, [photos, cells, 3].
    """

    def __init__(self, tokens: Values, colours: Values) -> None:
        flat = tokens.reshape(len(tokens), -1).astype(np.float64)
        self.mean, self.scale = flat.mean(0), flat.std(0) + 1e-6
        scaled = (flat - self.mean) / self.scale / np.sqrt(flat.shape[1])
        self.model = RidgeCV(alphas=STRENGTHS / len(flat))
        self.model.fit(scaled, colours.reshape(len(colours), -1))

    def __call__(self, tokens: Values) -> Values:
        """Colours [photos, cells, 3]."""
        flat = tokens.reshape(len(tokens), -1)
        scaled = (flat - self.mean) / self.scale / np.sqrt(flat.shape[1])
        return self.model.predict(scaled).reshape(len(tokens), -1, 3).astype(np.float32)


def explained(truth: Values, estimate: Values, floor: Values) -> float:
    """R²: the share of the squared deviation from ``floor`` that an estimate explains.

    Args:
        truth, estimate: [photos, cells, 3].
        floor: what is known without any observation, [cells, 3].
    """
    return 1 - float(np.square(truth - estimate).sum() / np.square(truth - floor).sum())


def cell_psnr(truth: Values, estimate: Values) -> float:
    """PSNR in dB of cell colours in 0..255, by photo, then the mean; at most 60."""
    clipped = np.clip(estimate, 0, 255)
    missed = np.square(truth - clipped).mean(axis=(1, 2))
    return float(np.minimum(60, 10 * np.log10(255**2 / np.maximum(missed, 1e-9))).mean())
