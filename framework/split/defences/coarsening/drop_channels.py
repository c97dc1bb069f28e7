"""Channels that vary most across a window are flattened."""

import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES, TokensOnly


@DEFENCES.register("drop_channels")
class DropChannels(TokensOnly):
    """Replaces the channels of greatest variance across a window by their mean over the window.

    Those channels tell the tokens of a window apart, and so carry its picture. A server still
    learns the mean of each channel.

    Args:
        strength: share of the channels that are flattened, at most 1.
    """

    label = "dropped channels"
    axis = "channels dropped (share)"
    strongest = 1.0
    summary = "the channels that vary most across a window, replaced by their mean"

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        count = round(self.strength * tokens.shape[-1])
        spread = tokens.var(axis=(0, 1))
        dropped = np.argsort(-spread, kind="stable")[:count]
        kept = tokens.copy()
        kept[..., dropped] = tokens[..., dropped].mean(axis=(0, 1))
        return kept
