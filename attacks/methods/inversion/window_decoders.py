"""Inversion by trained decoders of single windows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from attacks.base import ATTACKS, Knowledge, PublicExample
from attacks.controls.retrained_prior import register_prior
from attacks.features.patches import from_patches
from attacks.features.tokens import Features, split, token_examples, window_examples
from attacks.methods.inversion.linear import Ridge
from attacks.networks.training import load_network, network_state
from attacks.networks.window_decoder import (
    BATCH,
    Lessons,
    WindowDecoder,
    best_scale,
    correct,
    stacked,
    train_decoder,
)
from framework.split.observation import Observation

STEPS = 6400
EPOCHS = 64
"""How often each window is looked at, at most."""
LEARNING_RATE = 4e-3
MAX_TOKENS = 120_000
"""Of public photos held in memory while training."""
ROUNDING = 0.5
"""Grey levels of error below which nothing is left to learn: 8-bit rounding hides it."""
NET = "net."


@ATTACKS.register("conv_decoder")
class ConvDecoder(Ridge):
    """Adds to the ridge solution what a convolutional decoder learned of its error.

    The decoder looks at one window at a time. Its corrections are scaled by the factor in 0..1
    that does best on held-out public photos, so that there it is never worse than ridge. Where
    ridge is exact to 8-bit rounding, nothing is trained. The training curve is kept in the state.

    Args:
        seed: of initialisation and batches.
        steps: of training at most; few photos take fewer, see `EPOCHS`.

    Inversion by a small convolutional decoder, in the spirit of Dosovitskiy & Brox (CVPR 2016).
    """

    summary = "ridge, corrected by a small convolutional decoder of each window"
    random = True
    rate: float = LEARNING_RATE

    def __init__(self, seed: int = 0, steps: int = STEPS) -> None:
        super().__init__(seed)
        self.steps = steps

    @staticmethod
    def network(channels: int, side: int, size: int) -> WindowDecoder:
        """The untrained decoder; arguments as in `WindowDecoder.convolutional`."""
        return WindowDecoder.convolutional(channels, side, size)

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        if self.recall("error")[0] < ROUNDING:
            return
        training, held_out = map(affordable, split(knowledge.public, self.seed))
        self.learned["spread"] = self._spread(training)
        shape = self._shape(knowledge.public[0].observation)
        lessons = self._lessons(training).to(knowledge.device)
        steps = min(self.steps, max(1, EPOCHS * len(lessons) // BATCH))
        tests = self._lessons(held_out).to(knowledge.device)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            decoder = self.network(*shape).to(knowledge.device)
            curve = train_decoder(decoder, lessons, tests, steps, self.rate, self.seed)
        scale = best_scale(decoder, tests)
        self.learned |= {"scale": np.array([scale], dtype=np.float32), "curve": curve}
        self.learned |= {"shape": np.array(shape)} | network_state(decoder, NET)

    def _shape(self, observation: Observation) -> tuple[int, int, int]:
        return len(self.recall("mean_in")), observation.patch_size, observation.window_size

    def windows(self, features: Features, side: int) -> dict[int, NDArray[np.float32]]:
        linear = super().windows(features, side)
        if not linear or "scale" not in self.learned:
            return linear
        shape = map(int, self.recall("shape"))
        decoder = load_network(partial(self.network, *shape), self.learned, NET)
        height = max(x.shape[0] for x in features.values())
        width = max(x.shape[1] for x in features.values())
        tokens = stacked([self._standardised(x) for x in features.values()], (height, width))
        pixels = stacked(list(linear.values()), (height * side, width * side))
        corrections = correct(decoder, tokens, pixels).permute(0, 2, 3, 1).numpy()
        step = self.recall("scale") * self.recall("error")
        return {
            index: pixels + step * correction[: pixels.shape[0], : pixels.shape[1]]
            for (index, pixels), correction in zip(linear.items(), corrections, strict=True)
        }

    def _standardised(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return (features - self.recall("mean_in")) / self.recall("spread")

    def _spread(self, public: Sequence[PublicExample]) -> NDArray[np.float32]:
        """Standard deviation of each input channel."""
        stage, position = int(self.recall("stage")[0]), self.recall("position")
        tokens = np.concatenate([token_examples(e, stage, position)[0] for e in public])
        return tokens.std(axis=0, dtype=np.float64).astype(np.float32) + np.float32(1e-6)

    def _lessons(self, public: Sequence[PublicExample]) -> Lessons:
        stage, position = int(self.recall("stage")[0]), self.recall("position")
        side = public[0].observation.patch_size
        kept = [pair for example in public for pair in window_examples(example, stage, position)]
        size = public[0].observation.window_size
        fine = size * side, size * side
        linear = [self.linear(x) for x, _, _ in kept]
        missed = [
            (y - guess) / self.recall("error")
            for (_, y, _), guess in zip(kept, linear, strict=True)
        ]
        shows = [np.kron(shows, np.ones((side, side)))[..., None] for _, _, shows in kept]
        return Lessons(
            tokens=stacked([self._standardised(x) for x, _, _ in kept], (size, size)),
            linear=stacked([from_patches(guess, side) for guess in linear], fine),
            error=stacked([from_patches(values, side) for values in missed], fine),
            shows=stacked(shows, fine),
        )


def affordable(public: Sequence[PublicExample]) -> Sequence[PublicExample]:
    """As many of the photos as `MAX_TOKENS` allows, at least one."""
    tokens = public[0].observation.grid.tokens_per_side ** 2
    return public[: max(1, MAX_TOKENS // tokens)]


register_prior(ConvDecoder)


@ATTACKS.register("transformer_decoder")
class TransformerDecoder(ConvDecoder):
    """`ConvDecoder` with self-attention among a window's tokens in place of convolutions.

    Inversion by a small transformer decoder, in the spirit of He et al. (ACSAC 2019).
    """

    summary = "ridge, corrected by a small transformer decoder of each window"
    rate = 2e-3

    @staticmethod
    def network(channels: int, side: int, size: int) -> WindowDecoder:
        return WindowDecoder.transformer(channels, side, size)


register_prior(TransformerDecoder)
