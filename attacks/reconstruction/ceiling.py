"""Ceiling: the pixels themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, PIXELS, Attack, Knowledge
from attacks.canvas import Canvas
from attacks.public import mean_colour
from framework.observation import Observation


@ATTACKS.register("ceiling")
class Ceiling(Attack):
    """Copies pixel payloads, which is all there is to do where the plan is ``centralized``."""

    name = "ceiling"
    summary = "pixel payloads copied: what the usual cloud server sees"
    kind = "ceiling"
    needs = frozenset({PIXELS})

    def fit(self, knowledge: Knowledge) -> None:
        self.learned = {"colour": mean_colour(knowledge.public)}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        canvas = Canvas.paint(observation.grid, observation.pixels())
        return canvas.completed(self.recall("colour"))
