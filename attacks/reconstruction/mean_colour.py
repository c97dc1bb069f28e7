"""Floor: one colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, Attack, Knowledge
from attacks.canvas import as_uint8
from attacks.public import mean_colour
from framework.observation import Observation


@ATTACKS.register("mean_colour")
class MeanColour(Attack):
    """The mean colour of the public photos everywhere; it looks at nothing."""

    name = "mean_colour"
    summary = "the mean colour of the public photos, whatever was seen"
    kind = "floor"

    def fit(self, knowledge: Knowledge) -> None:
        self.learned = {"colour": mean_colour(knowledge.public)}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        shape = (*observation.frame_size, 3)
        return as_uint8(np.broadcast_to(self.recall("colour"), shape))
