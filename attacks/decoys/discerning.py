"""Attacks that throw decoys out before they reconstruct."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, WEIGHTS, Attack, Knowledge
from attacks.decoys.detector import DecoyDetector
from attacks.public import require_public
from framework.observation import Observation

PREFIX = "detector."


class Discerning(Attack):
    """Puts `DecoyDetector.cleaned` before whatever class follows it in the order of bases."""

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


def register_discerning(attack: type[Attack]) -> type[Attack]:
    """Register the twin of an attack that throws decoys out first, ``<attack>_discerning``."""
    name = f"{attack.name}_discerning"
    summary = f"{attack.name}, after windows that look like decoys were thrown out"
    own = {
        "name": name,
        "summary": summary,
        "needs": attack.needs | {WEIGHTS},
        "needs_training": True,
        "random": True,
        "every_round": True,
        "__doc__": summary,
    }
    twin: type[Attack] = type(f"Discerning{attack.__name__}", (Discerning, attack), own)
    return ATTACKS.register(name)(twin)
