"""Gaussian noise on the first round alone."""

import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES, Context
from framework.split.defences.noise.gaussian import GaussianNoise


@DEFENCES.register("gaussian_once")
class GaussianOnce(GaussianNoise):
    """`GaussianNoise` on the first round; later rounds are sent as they are.

    Later rounds are computed from noisy answers. By the data-processing inequality (Cover and
    Thomas, Elements of Information Theory, section 2.8) all rounds together tell no more of the
    photo than the noisy tokens of all windows did. Windows that stay on the edge get the noise as
    well. Later rounds may tell a shard more of windows that it was not sent, which noise on every
    round would hide in part.
    """

    label = "noise, first round only"
    axis = "noise strength (σ of a token), first round only"
    summary = (
        "Gaussian noise on the first round alone: later rounds are computed from noisy answers"
    )

    def protect_window(
        self, tokens: NDArray[np.float32], rng: np.random.Generator, context: Context
    ) -> NDArray[np.float32]:
        return tokens if context.round else self.protect(tokens, rng)
