"""Tokens of a window change places by a secret draw."""

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.split.defences.base import DEFENCES, Context, TokensOnly


@DEFENCES.register("shuffle_tokens")
class ShuffleTokens(TokensOnly):
    """Shuffles tokens inside their window; the edge puts the answers back in place.

    The draw is fresh for each window and round and never leaves the edge. Attention adds a bias by
    relative position, so that the answers are not those of the tokens in order: utility may be
    lost. What a token shows by itself stays readable. So does its place, to an attacker who knows
    the position embedding that tokens carry (attack ``ridge_unshuffled``).

    Args:
        strength: share of a window's tokens that change places, at most 1.
    """

    label = "shuffled tokens"
    axis = "tokens shuffled (share)"
    strongest = 1.0
    summary = "tokens of a window change places by a secret draw; the edge puts answers back"

    def protect_window(
        self, tokens: NDArray[np.float32], rng: np.random.Generator, context: Context
    ) -> NDArray[np.float32]:
        places = tokens.shape[0] * tokens.shape[1]
        chosen = np.sort(rng.permutation(places)[: round(self.strength * places)])
        order = np.arange(places)
        order[chosen] = rng.permutation(chosen)
        context.memory["order"] = order
        return tokens.reshape(places, -1)[order].reshape(tokens.shape)

    def restore_window(self, tokens: NDArray[np.float32], context: Context) -> NDArray[np.float32]:
        order = context.memory.get("order")
        if order is None:
            return tokens
        restored = np.empty_like(tokens.reshape(len(order), -1))
        restored[order] = tokens.reshape(len(order), -1)
        return restored.reshape(tokens.shape)

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        if self.strength == 0:
            return tokens
        raise PedbenchError("shuffled tokens need a context: call protect_window")
