"""No defence."""

import numpy as np
from numpy.typing import NDArray

from framework.defences.base import DEFENCES, Defence


@DEFENCES.register("none")
class NoDefence(Defence):
    """Sends the window as it is."""

    summary = "the window as it is"

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        return tokens
