"""Laplace noise on the payload."""

import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES, Defence


@DEFENCES.register("laplace")
class LaplaceNoise(Defence):
    """Adds Laplace noise of standard deviation strength · σ, σ that of the token's channels."""

    label = "Laplace noise"
    axis = "Laplace noise (σ of a token)"
    summary = "Laplace noise, in units of each token's standard deviation"

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        if self.strength == 0:
            return tokens
        scale = self.strength * tokens.std(axis=-1, keepdims=True) / np.sqrt(2)
        return (tokens + scale * rng.laplace(size=tokens.shape)).astype(np.float32)
