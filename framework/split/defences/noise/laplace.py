"""Laplace noise on the payload."""

import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES
from framework.split.defences.noise.base import AdditiveNoise


@DEFENCES.register("laplace")
class LaplaceNoise(AdditiveNoise):
    """Adds Laplace noise of standard deviation strength · σ, σ that of the token's channels."""

    label = "Laplace noise"
    axis = "Laplace noise (σ of a token)"
    summary = "Laplace noise, in units of each token's standard deviation"

    gaussian = False

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        if self.strength == 0:
            return tokens
        scale = self.deviation(tokens) / np.sqrt(2)
        return (tokens + scale * rng.laplace(size=tokens.shape)).astype(np.float32)
