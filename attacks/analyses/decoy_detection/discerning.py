"""Attacks that throw decoys out before they reconstruct."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attacks.analyses.decoy_detection.detector import DecoyDetector
from attacks.base import Attack, Knowledge
from attacks.features.public_examples import require_public
from framework.split.observation import Observation

PREFIX = "detector."


class Discerning(Attack):
    """Puts `DecoyDetector.cleaned` before whatever class follows it in the order of bases."""

    every_round = True
    random = True

    def fit(self, knowledge: Knowledge) -> None:
        require_public(knowledge, self.name)
        super().fit(knowledge)
        learned = DecoyDetector.fit(knowledge, seed=self.seed).learned
        self.learned |= {f"{PREFIX}{name}": array for name, array in learned.items()}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        self.recall(f"{PREFIX}coupling")
        learned = {n[len(PREFIX) :]: a for n, a in self.learned.items() if n.startswith(PREFIX)}
        cleaned = DecoyDetector(learned).cleaned(observation)
        return super().reconstruct(cleaned)  # type: ignore[safe-super]
