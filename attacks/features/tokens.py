"""Tokens as inputs of a learned inversion, paired with the pixels of public photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from attacks.base import Knowledge, PublicExample
from attacks.features.patches import content_tokens, window_patches
from framework.errors import PedbenchError
from framework.split.observation import Observation

Features = dict[int, NDArray[np.float32]]
"""Window index → [height, width, channels]."""
HELD_OUT = 4


def stage_of(observation: Observation) -> int:
    """The earliest stage of an observation.

    Raises:
        PedbenchError: it holds nothing.
    """
    if not observation.messages:
        raise PedbenchError("a public observation is empty: choose a plan that sends something")
    return observation.stages[0]


def sends_pixels(observation: Observation, stage: int) -> bool:
    """Whether windows arrive as pixels at that stage."""
    return stage == 0 and bool(observation.pixels())


def learn_position(knowledge: Knowledge) -> NDArray[np.float32]:
    """What to take off a token for where it stands, [rows, columns, channels].

    The residual stream carries the position embedding through all blocks. Nothing, [1], when the
    weights are secret.
    """
    if knowledge.sam is None:
        return np.zeros(1, dtype=np.float32)
    return knowledge.sam.runtime.positions[0].detach().cpu().numpy()


def window_features(
    observation: Observation, stage: int, position: NDArray[np.float32]
) -> Features:
    """The inputs of every content window seen at ``stage``.

    Tokens less ``position``, or where pixels are sent, the values of each patch in 0..255.

    Raises:
        PedbenchError: the observation holds other stages only.
    """
    if observation.messages and stage not in observation.stages:
        held = ", ".join(map(str, observation.stages))
        raise PedbenchError(
            f"the attack was trained for stage {stage}, the observation holds {held}: "
            "fit it to that stage"
        )
    grid = observation.grid
    features = {}
    for index, tokens in observation.tokens(stage).items():
        window = grid.windows[index]
        if window.has_content:
            features[index] = tokens - (position[window.token_slice] if position.ndim > 1 else 0)
    if stage == 0:
        for index, pixels in observation.pixels().items():
            window = grid.windows[index]
            if window.has_content:
                features[index] = window_patches(pixels, window, observation.patch_size)
    return features


def token_examples(
    example: PublicExample, stage: int, position: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A photo's features [tokens, channels] and patches [tokens, values], content only."""
    windows = list(window_examples(example, stage, position))
    features = np.concatenate([x[shows] for x, _, shows in windows])
    return features, np.concatenate([y[shows] for _, y, shows in windows])


def split(
    public: Sequence[PublicExample], seed: int = 0
) -> tuple[list[PublicExample], list[PublicExample]]:
    """Photos to learn from and photos to choose by, one in `HELD_OUT`; a lone photo serves both."""
    order = np.random.default_rng(seed).permutation(len(public))
    held_out = [public[i] for i in order[::HELD_OUT]]
    training = [public[i] for n, i in enumerate(order) if n % HELD_OUT]
    return training or held_out, held_out


def window_examples(
    example: PublicExample, stage: int, position: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]]:
    """For each content window: features, patches, and which tokens show some of the photo."""
    observation = example.observation
    grid, side = observation.grid, observation.patch_size
    for index, features in window_features(observation, stage, position).items():
        window = grid.windows[index]
        content = example.frame[grid.pixel_slice(window)]
        yield features, window_patches(content, window, side), content_tokens(window, side)
