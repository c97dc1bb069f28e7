"""Inversion by linear maps: the pseudo-inverse and ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, POSITIONS, QUERIES, Attack, Knowledge, PublicExample
from attacks.controls.retrained_prior import register_prior
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import Completion
from attacks.features.patches import from_patches
from attacks.features.public_examples import mean_colour, require_public
from attacks.features.tokens import (
    Features,
    learn_position,
    sends_pixels,
    split,
    stage_of,
    token_examples,
    window_features,
)
from attacks.solvers.ridge import Moments, ridge
from framework.errors import PedbenchError
from framework.split.observation import Observation


@ATTACKS.register("pseudo_inverse")
class PseudoInverse(Completion):
    """Inverts embedded patches; the hidden windows get the mean colour of the visible ones.

    Inversion without training: the patch embedding is linear.
    """

    summary = "stage-0 tokens by the pseudo-inverse of the patch embedding, the rest mean colour"
    kind = "inversion"

    def fill(self, canvas: Canvas) -> Pixels:
        return canvas.colour(self.recall("colour"))


register_swapped(PseudoInverse)


@ATTACKS.register("ridge")
class Ridge(Attack):
    """The linear minimum-mean-square inverse, learned from public photos.

    Trained at the earliest stage that the public observations hold, on tokens less the position
    embedding, or on pixels where pixels are sent. Hidden windows get the mean colour of the rest.

    Inversion by the best linear map from a token to the pixels of its patch, at any stage.
    """

    summary = "tokens of any stage by ridge regression to their patches, the rest mean colour"
    kind = "inversion"
    needs = frozenset({POSITIONS, QUERIES})

    def fit(self, knowledge: Knowledge) -> None:
        require_public(knowledge, self.name)
        stage = min(stage_of(example.observation) for example in knowledge.public)
        position = learn_position(knowledge)
        self.learned = {
            "colour": mean_colour(knowledge.public),
            "stage": np.array([stage]),
            "pixels": np.array([sends_pixels(knowledge.public[0].observation, stage)]),
            "position": position,
        }
        training, held_out = (
            self._moments(part, stage, position) for part in split(knowledge.public)
        )
        solution, error = ridge(training, held_out)
        self.learned |= {
            "matrix": solution.matrix.astype(np.float32),
            "mean_in": solution.mean_x.astype(np.float32),
            "mean_out": solution.mean_y.astype(np.float32),
            "error": np.array([error**0.5], dtype=np.float32),
        }

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        features = self.features(observation)
        canvas = Canvas.paint(observation.grid, self.windows(features, observation.patch_size))
        return canvas.completed(canvas.colour(self.recall("colour")))

    def features(self, observation: Observation) -> Features:
        """The inputs of every window seen at the stage that the attack was trained for.

        Raises:
            PedbenchError: the observation holds other stages only, or pixels in place of tokens.
        """
        stage = int(self.recall("stage")[0])
        if observation.messages and sends_pixels(observation, stage) != self.recall("pixels")[0]:
            raise PedbenchError(
                f"attack '{self.name}' was trained on another payload than the observation's "
                f"'{observation.payload}': fit it to this one"
            )
        return window_features(observation, stage, self.recall("position"))

    def windows(self, features: Features, side: int) -> dict[int, NDArray[np.float32]]:
        """Pixels of every window: index → [height·side, width·side, 3]."""
        return {index: from_patches(self.linear(x), side) for index, x in features.items()}

    def linear(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patches [..., side·side·3] from features [..., channels]."""
        centred = features - self.recall("mean_in")
        return self.recall("mean_out") + centred @ self.recall("matrix")

    @staticmethod
    def _moments(
        public: Sequence[PublicExample], stage: int, position: NDArray[np.float32]
    ) -> Moments:
        parts = (Moments.of(*token_examples(example, stage, position)) for example in public)
        return reduce(add, parts)


register_prior(Ridge)
