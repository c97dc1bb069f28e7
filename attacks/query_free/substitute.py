"""Attacks on a model that can be neither read nor queried: they learn from another one.

After the query-free attack of He, Zhang and Lee (ACSAC 2019), whose shadow model is trained on
public data; here it is a public checkpoint, such as every fine-tune of a public SAM began with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from attacks.base import (
    POSITIONS,
    STRANGERS,
    SUBSTITUTE,
    Knowledge,
    PublicExample,
    Unlearnable,
)
from attacks.features.patches import content_tokens
from attacks.features.public_examples import require_public
from attacks.features.tokens import (
    Features,
    learn_position,
    sends_pixels,
    stage_of,
    token_examples,
    window_features,
)
from attacks.methods.inversion.linear import Ridge
from attacks.solvers.alignment import STAY, WAYS, Gaussian, Way, adjust
from attacks.solvers.discriminator import fool_discriminator
from attacks.solvers.mean_discrepancy import match_kernels
from framework.errors import PedbenchError
from framework.split.observation import Observation
from framework.split.payload import encode_tokens


class Substituted(Ridge):
    """Puts the substitute in the model's place for whatever class follows in the order of bases.

    What strangers' windows tell of how the two models differ decides how much noise the attacker's
    own tokens get before learning, and how the tokens under attack are moved: see
    `attacks.solvers.alignment.adjust`. Pixels are left as they are.
    """

    needs = frozenset({SUBSTITUTE, STRANGERS, POSITIONS})
    random = True

    def ways(self) -> Sequence[Way]:
        """The ways of moving tokens that are tried."""
        return (STAY,)

    def fit(self, knowledge: Knowledge) -> None:
        if knowledge.substitute is None:
            raise PedbenchError(
                f"attack '{self.name}' learns from a substitute model: give it one, through which "
                "the public photos went"
            )
        known = replace(knowledge, sam=knowledge.substitute, substitute=None)
        require_public(known, self.name)
        stage = min(stage_of(example.observation) for example in known.public)
        if sends_pixels(known.public[0].observation, stage):
            super().fit(known)
            return
        if not known.overheard:
            raise Unlearnable(
                f"attack '{self.name}' compares the substitute with what strangers' photos look "
                "like: give it at least one of their observations"
            )
        position = learn_position(known)
        own = [token_examples(example, stage, position) for example in known.public]
        theirs = [seen_tokens(seen, stage, position) for seen in known.overheard]
        found = adjust(theirs, own, self.ways())
        spread = Gaussian.of([x for x, _ in own]).covariance.trace() / own[0][0].shape[-1]
        rng = np.random.default_rng([self.seed, 2])
        deviation = float(np.sqrt(found.noise * spread))
        super().fit(replace(known, public=[noisy(e, deviation, rng) for e in known.public]))
        self.learned |= {
            "move.matrix": found.move.matrix.astype(np.float32),
            "move.from": found.move.mean_x.astype(np.float32),
            "move.to": found.move.mean_y.astype(np.float32),
            "move.noise": np.array([found.noise]),
        }

    def features(self, observation: Observation) -> Features:
        found = super().features(observation)
        if self.recall("pixels")[0]:
            return found
        return {index: self._moved(tokens) for index, tokens in found.items()}

    def _moved(self, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        centred = tokens - self.recall("move.from")
        return self.recall("move.to") + centred @ self.recall("move.matrix")


class Aligned(Substituted):
    """`Substituted`, where tokens may be moved to the mean and covariance of the substitute's."""

    def ways(self) -> Sequence[Way]:
        return WAYS


class KernelAligned(Substituted):
    """`Substituted`, where tokens may be moved to where their kernel means meet."""

    def ways(self) -> Sequence[Way]:
        return (STAY, partial(match_kernels, seed=self.seed))


class AdversariallyAligned(Substituted):
    """`Substituted`, where tokens may be moved to where a discriminator takes them for its own."""

    def ways(self) -> Sequence[Way]:
        return (STAY, partial(fool_discriminator, seed=self.seed))


def noisy(example: PublicExample, deviation: float, rng: np.random.Generator) -> PublicExample:
    """The same with Gaussian noise on its tokens."""
    messages = []
    for message in example.observation.messages:
        tokens = message.sent.decode()
        tokens = tokens + deviation * rng.standard_normal(tokens.shape, dtype=np.float32)
        messages.append(replace(message, sent=encode_tokens(tokens, "float32")))
    return replace(example, observation=example.observation.keeping(messages))


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
