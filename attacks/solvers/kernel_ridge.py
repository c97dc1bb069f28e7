"""Ridge regression with a Gaussian kernel, for many inputs and few examples.

After Saunders, Gammerman, Vovk, Ridge regression learning algorithm in dual variables (ICML 1998).
The kernel's width is the examples' median distance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attacks.solvers.ridge import SMALLEST

Array = NDArray[np.float64]

STRENGTHS = 10.0 ** np.arange(-2, 3.01, 0.5)
"""Regularisations tried, relative to the mean eigenvalue of the kernel."""
ALONE = 1e30
"""The strength that stands for the mean alone, without any input."""


def kernel_ridge(x: Array, y: Array, weight: Array, at: Array) -> Array:
    """What ``y`` should be at new inputs.

    The strength is the one that does best on examples left out. The mean alone is a candidate, and
    so is zero.

    Args:
        x: inputs [examples, inputs].
        y: outputs [examples, outputs].
        weight: how much the squared error of each example counts, [examples], positive.
        at: the new inputs, [inputs].

    Returns:
        [outputs].
    """
    share = weight / weight.sum()
    among, across = _kernel(x, at)
    rows = among @ share
    centred = among - rows[:, None] - rows + share @ rows
    own = across - rows - across @ share + share @ rows
    root, mean = np.sqrt(share * len(x)), share @ y
    target = root[:, None] * (y - mean)
    variances, axes = np.linalg.eigh(root[:, None] * centred * root)
    variances = variances.clip(0)
    along = axes.T @ target
    errors = {}
    for strength in (*STRENGTHS * max(float(variances.mean()), SMALLEST), ALONE):
        kept = variances / (variances + strength)
        leverage = (axes**2 @ kept + share).clip(0, 1 - 1e-6)[:, None]
        missed = (target - (axes * kept) @ along) / (1 - leverage)
        errors[strength] = float(np.square(missed).mean())
    best = min(errors, key=errors.__getitem__)
    if np.square(root[:, None] * y).mean() <= errors[best]:
        return np.zeros_like(mean)
    dual = axes @ (along / (variances + best)[:, None])
    value: Array = mean + (root * own) @ dual
    return value


def _kernel(x: Array, at: Array) -> tuple[Array, Array]:
    """Of the examples among each other, and of each with the new one."""
    lengths, products = np.square(x).sum(axis=1), x @ x.T
    among = (lengths[:, None] + lengths - 2 * products).clip(0)
    across = np.square(x - at).sum(axis=1)
    unit = max(float(np.median(among)), SMALLEST)
    return np.exp(-among / unit), np.exp(-across / unit)
