"""Fewer levels for each value."""

import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES, Defence


@DEFENCES.register("quantise")
class Quantise(Defence):
    """Rounds each value to a uniform grid between its token's least and greatest value.

    Args:
        strength: step of the grid as a share of that range, at most 1. b bits are 1 / (2^b − 1):
            1 bit is 1, 2 bits 0.333, 3 bits 0.143, 4 bits 0.067.
    """

    label = "quantisation"
    axis = "step of the grid (share of a token's range)"
    strongest = 1.0
    summary = "values rounded to a uniform grid; strength 1/(2^b − 1) leaves b bits"

    @property
    def bits(self) -> float:
        """Bits that a value keeps; infinite at strength 0."""
        return float(np.log2(1 / self.strength + 1)) if self.strength else float("inf")

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        least = tokens.min(axis=-1, keepdims=True)
        step = self.strength * (tokens.max(axis=-1, keepdims=True) - least)
        levels = np.rint(np.divide(tokens - least, step, where=step > 0, out=np.zeros_like(tokens)))
        return np.where(step > 0, least + levels * step, tokens).astype(np.float32)
