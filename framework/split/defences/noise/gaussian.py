"""Gaussian noise on the payload."""

import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES
from framework.split.defences.noise.base import AdditiveNoise


@DEFENCES.register("gaussian")
class GaussianNoise(AdditiveNoise):
    """Adds N(0, (strength · σ)²), where σ is the standard deviation of the token's channels."""

    label = "noise"
    axis = "noise strength (σ of a token)"
    summary = "Gaussian noise, in units of each token's standard deviation"

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        if self.strength == 0:
            return tokens
        noise = rng.standard_normal(tokens.shape, dtype=np.float32)
        return tokens + self.deviation(tokens) * noise
