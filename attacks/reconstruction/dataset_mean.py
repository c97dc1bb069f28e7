"""Floor: the mean image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, Attack, Knowledge
from attacks.canvas import as_uint8
from attacks.public import mean_colour, resized
from framework.observation import Observation

SIDE = 256


@ATTACKS.register("dataset_mean")
class DatasetMean(Attack):
    """The mean of the public photos, each stretched to a square, then to the frame."""

    name = "dataset_mean"
    summary = "the mean image of the public photos, whatever was seen"
    kind = "floor"

    def fit(self, knowledge: Knowledge) -> None:
        total = np.zeros((SIDE, SIDE, 3), dtype=np.float64)
        for example in knowledge.public:
            total += resized(example.frame, (SIDE, SIDE))
        if not knowledge.public:
            total += mean_colour(())
        self.learned = {"image": (total / max(len(knowledge.public), 1)).astype(np.float32)}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        return as_uint8(resized(self.recall("image"), observation.frame_size))
