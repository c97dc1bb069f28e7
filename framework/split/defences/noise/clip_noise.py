"""Tokens clipped to a fixed norm, then noise: a differentially private release."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtri

from framework.split.defences.base import DEFENCES
from framework.split.defences.noise.base import AdditiveNoise

DELTA = 1e-5
TOKEN_LIMIT = 4.0
"""Root mean square of a token's channels above which it is clipped.

Tokens of `tiny` have 2 to 5 in most places.
"""
PIXEL_LIMIT = 127.5
"""The same for pixels, measured from mid-grey: none is clipped."""


@DEFENCES.register("clip_noise")
class ClipNoise(AdditiveNoise):
    """Scales tokens down to a fixed norm and adds N(0, (strength · limit)²) to each channel.

    The limit is a constant, not taken from the photo, so that the release of a token is
    differentially private (`epsilon`). Two inputs are adjacent if one token of the first round, of
    any content, is replaced by another. Later rounds are computed from the noisy answers of the
    first: they are post-processing and cost no further ε. Windows that stay on the edge get the
    noise as well.

    Args:
        strength: standard deviation of the noise, in units of `TOKEN_LIMIT`.
    """

    label = "clipping and noise"
    axis = "noise after clipping (share of the limit)"
    summary = "tokens clipped to a fixed norm, then Gaussian noise: a stated ε and δ"
    limit = TOKEN_LIMIT

    def epsilon(self, channels: int, delta: float = DELTA) -> float:
        """ε of the Gaussian mechanism at ``delta`` for one token.

        The analytic condition of Balle and Wang (ICML 2018, theorem 8), not the classical bound.

        Args:
            channels: of a token.
            delta: chance that the bound does not hold.

        Returns:
            ε; infinite at strength 0.
        """
        if self.strength == 0:
            return float("inf")
        ratio = 2 * np.sqrt(channels) / self.strength
        return analytic_epsilon(float(ratio), delta)

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        if self.strength == 0:
            return tokens
        noise = rng.standard_normal(tokens.shape, dtype=np.float32)
        return (self.signal(tokens) + self.strength * TOKEN_LIMIT * noise).astype(np.float32)

    def protect_pixels(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        if self.strength == 0:
            return pixels
        noise = rng.standard_normal(pixels.shape, dtype=np.float32)
        noisy = pixels + self.strength * PIXEL_LIMIT * noise
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def analytic_epsilon(ratio: float, delta: float) -> float:
    """Least ε for which a Gaussian mechanism is (ε, ``delta``)-private.

    Args:
        ratio: sensitivity divided by the noise's standard deviation.
        delta: above 0, below 1.
    """

    def excess(epsilon: float) -> float:
        upper = log_ndtr(ratio / 2 - epsilon / ratio)
        lower = epsilon + log_ndtr(-ratio / 2 - epsilon / ratio)
        return float(np.exp(upper) - np.exp(lower)) - delta

    if excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, ratio**2 / 2 + ratio * -ndtri(delta) + 1))
