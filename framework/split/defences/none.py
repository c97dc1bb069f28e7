"""No defence."""

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.split.defences.base import DEFENCES, Defence


@DEFENCES.register("none")
class NoDefence(Defence):
    """Sends the window as it is.

    Args:
        strength: 0.

    Raises:
        PedbenchError: another strength.
    """

    summary = "the window as it is"

    def __init__(self, strength: float = 0.0) -> None:
        super().__init__(strength)
        if strength:
            raise PedbenchError(
                f"strength {strength:g} without a defence: name a defence or leave it out"
            )

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        return tokens
