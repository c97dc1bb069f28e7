"""The most information that tokens with added noise carry: the capacity of a Gaussian channel.

For any Gaussian Q, the information of X on Y = X + N is at most the mean divergence of Y given X
from Q (the golden formula; Polyanskiy and Wu, Information Theory, 2024). With the second moments K
of X for Q, that is ½ log det(I + K / σ²). Moments from public photos give a bound too, if a weaker
one, so that a mean over scored photos needs no correction for their number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]

LAPLACE_GAP = float(np.log2(np.pi / np.e) / 2)
"""Bits by which Gaussian noise has more entropy than Laplace noise of the same deviation."""


def second_moments(values: Values) -> NDArray[np.float64]:
    """Mean of xxᵀ over rows [n, channels]."""
    exact = values.astype(np.float64)
    return exact.T @ exact / len(exact)


def bits_at_most(values: Values, moments: Values, gap: float = 0.0) -> float:
    """Bound on the information of a token, bits, mean over tokens.

    Args:
        values: tokens in units of the noise's deviation, [n, channels].
        moments: second moments of such tokens, of these or others, [channels, channels].
        gap: bits a channel by which the noise has less entropy than Gaussian noise.
    """
    received = moments + np.eye(len(moments))
    _, volume = np.linalg.slogdet(received)
    beyond = np.trace(np.linalg.solve(received, second_moments(values) - moments))
    return float((volume + beyond) / (2 * np.log(2)) + gap * len(moments))
