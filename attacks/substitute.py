"""What an attacker does who can neither read nor query the model: learn from another one.

After the query-free attack of He, Zhang and Lee (ACSAC 2019), whose shadow model is trained on
public data; here it is a public checkpoint, such as every fine-tune of a public SAM began with.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from attacks.alignment import align
from attacks.base import POSITIONS, STRANGERS, SUBSTITUTE, Attack, Knowledge, Unlearnable
from attacks.patches import content_tokens
from attacks.reconstruction.ridge import Ridge
from attacks.tokens import Features, window_features
from framework.errors import PedbenchError
from framework.observation import Observation


class Substituted(Attack):
    """Puts the substitute in the model's place for whatever class follows in the order of bases."""

    needs = frozenset({SUBSTITUTE, POSITIONS})

    def fit(self, knowledge: Knowledge) -> None:
        if knowledge.substitute is None:
            raise PedbenchError(
                f"attack '{self.name}' learns from a substitute model: give it one, through which "
                "the public photos went"
            )
        super().fit(replace(knowledge, sam=knowledge.substitute, substitute=None))


class Aligned(Substituted, Ridge):
    """`Substituted`, with the tokens of the model under attack moved to the substitute's first.

    How to move them is learned from strangers' windows, of which nobody knows the photos, and the
    attacker's own photos: see `attacks.alignment.align`. Pixels are left as they are.
    """

    needs = frozenset({SUBSTITUTE, STRANGERS, POSITIONS})

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        if self.recall("pixels")[0]:
            return
        if not knowledge.overheard:
            raise Unlearnable(
                f"attack '{self.name}' compares the substitute with what strangers' photos look "
                "like: give it at least one of their observations"
            )
        stage, position = int(self.recall("stage")[0]), self.recall("position")
        own = [seen_tokens(e.observation, stage, position) for e in knowledge.public]
        theirs = [seen_tokens(seen, stage, position) for seen in knowledge.overheard]
        move = align(theirs, own)
        self.learned |= {
            "move.matrix": move.matrix.astype(np.float32),
            "move.from": move.mean_x.astype(np.float32),
            "move.to": move.mean_y.astype(np.float32),
        }

    def features(self, observation: Observation) -> Features:
        found = super().features(observation)
        if self.recall("pixels")[0]:
            return found
        return {index: self._moved(tokens) for index, tokens in found.items()}

    def _moved(self, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        centred = tokens - self.recall("move.from")
        return self.recall("move.to") + centred @ self.recall("move.matrix")


def seen_tokens(
    observation: Observation, stage: int, position: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The tokens of a stage that show some of the photo, less ``position``: [tokens, channels]."""
    grid, side = observation.grid, observation.patch_size
    parts = [
        tokens[content_tokens(grid.windows[index], side)]
        for index, tokens in window_features(observation, stage, position).items()
    ]
    if not parts:
        raise Unlearnable("a stranger's observation holds no window: choose a plan that sends some")
    return np.concatenate(parts)
