"""References: two floors, which look at nothing or at one colour, and the ceiling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, PIXELS, Attack, Knowledge
from attacks.features.canvas import Canvas, as_uint8
from attacks.features.public_examples import mean_colour, resized
from framework.split.observation import Observation


@ATTACKS.register("mean_colour")
class MeanColour(Attack):
    """The mean colour of the public photos everywhere; it looks at nothing.

    Floor: one colour.
    """

    summary = "the mean colour of the public photos, whatever was seen"
    kind = "floor"
    setting_independent = True

    def fit(self, knowledge: Knowledge) -> None:
        self.learned = {"colour": mean_colour(knowledge.public)}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        shape = (*observation.frame_size, 3)
        return as_uint8(np.broadcast_to(self.recall("colour"), shape))


SIDE = 256


@ATTACKS.register("dataset_mean")
class DatasetMean(Attack):
    """The mean of the public photos, each stretched to a square, then to the frame.

    Floor: the mean image.
    """

    summary = "the mean image of the public photos, whatever was seen"
    kind = "floor"
    setting_independent = True

    def fit(self, knowledge: Knowledge) -> None:
        total = np.zeros((SIDE, SIDE, 3), dtype=np.float64)
        for example in knowledge.public:
            total += resized(example.frame, (SIDE, SIDE))
        if not knowledge.public:
            total += mean_colour(())
        self.learned = {"image": (total / max(len(knowledge.public), 1)).astype(np.float32)}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        return as_uint8(resized(self.recall("image"), observation.frame_size))


@ATTACKS.register("ceiling")
class Ceiling(Attack):
    """Copies pixel payloads, which is all there is to do where the plan is ``centralized``.

    Ceiling: the pixels themselves.
    """

    summary = "pixel payloads copied: what the usual cloud server sees"
    kind = "ceiling"
    setting_independent = True
    needs = frozenset({PIXELS})

    def fit(self, knowledge: Knowledge) -> None:
        self.learned = {"colour": mean_colour(knowledge.public)}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        canvas = Canvas.paint(observation.grid, observation.pixels())
        return canvas.completed(self.recall("colour"))
