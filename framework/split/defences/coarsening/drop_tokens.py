"""Some tokens of each window are withheld."""

import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES, TokensOnly


@DEFENCES.register("drop_tokens")
class DropTokens(TokensOnly):
    """Replaces tokens, drawn anew for each window and round, by the mean of the window's others.

    Args:
        strength: share of a window's tokens that are withheld, at most 1: then the mean of all of
            them takes the place of each.
    """

    label = "dropped tokens"
    axis = "tokens dropped (share)"
    strongest = 1.0
    summary = "tokens of a window, drawn at random, replaced by the mean of the others"

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        places = tokens.shape[0] * tokens.shape[1]
        flat = tokens.reshape(places, -1).copy()
        dropped = rng.permutation(places)[: round(self.strength * places)]
        others = np.setdiff1d(np.arange(places), dropped)
        flat[dropped] = flat[others if len(others) else dropped].mean(axis=0)
        return flat.reshape(tokens.shape)
