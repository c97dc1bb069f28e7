"""Nothing but noise: a control, not a defence."""

import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES, Defence


@DEFENCES.register("noise_only")
class NoiseOnly(Defence):
    """Gaussian noise of infinite strength: what is sent does not depend on the photo at all.

    No attack may gain anything over its floors here; where one does, the evaluation leaks. A
    strength of 0 leaves the payload alone, any other replaces it.
    """

    label = "noise alone"
    summary = "control: the payload replaced by noise, whatever the photo"

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        if self.strength == 0:
            return tokens
        return rng.standard_normal(tokens.shape, dtype=np.float32)

    def protect_pixels(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        if self.strength == 0:
            return pixels
        return rng.integers(0, 256, pixels.shape, dtype=np.uint8)
