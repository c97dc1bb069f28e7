"""What defences that add noise say of it, so that bounds can be computed."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import Defence

Tokens = NDArray[np.float32]


class AdditiveNoise(Defence):
    """Sends a signal plus independent noise on each channel.

    Attributes:
        gaussian: whether the noise is Gaussian; else Laplace.
        limit: root mean square to which a token's channels are clipped first. The noise then has
            the deviation ``strength · limit``. Without a limit it is ``strength`` times the
            deviation of the token's channels.
    """

    gaussian: ClassVar[bool] = True
    limit: ClassVar[float | None] = None

    def signal(self, tokens: Tokens) -> Tokens:
        """What the noise is added to, [..., channels]."""
        if self.limit is None:
            return tokens
        size = np.sqrt(np.square(tokens).mean(axis=-1, keepdims=True))
        return tokens * np.minimum(1, self.limit / np.maximum(size, np.finfo(np.float32).tiny))

    def deviation(self, tokens: Tokens) -> Tokens:
        """Standard deviation of the noise on each token, [..., 1]."""
        if self.limit is None:
            return self.strength * tokens.std(axis=-1, keepdims=True)
        return np.full((*tokens.shape[:-1], 1), self.strength * self.limit, np.float32)
