"""What a window shows by itself, and how well two windows go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attacks.features.patches import from_patches
from attacks.features.tokens import window_features
from attacks.methods.inversion.linear import Ridge
from framework.split.observation import Observation, WindowMessage
from framework.split.windows import WindowGrid

Values = NDArray[np.float64]
Place = tuple[int, int, int]
"""Frame, shard and window: one window of one server, whatever the round."""


@dataclass(frozen=True)
class Evidence:
    """Of the content windows of one observation.

    Attributes:
        places: which they are.
        own: colours, contrast, texture and mean tokens, [windows, features].
        pairs: differences of colour and texture, jumps at a common border, likeness of tokens,
            [windows, windows, features].
    """

    places: Sequence[Place]
    own: Values
    pairs: Values


def place_of(message: WindowMessage) -> Place:
    """The place of a message."""
    return message.frame, message.shard, message.window


def gather(observation: Observation, ridge: Ridge, position: NDArray[np.float32]) -> Evidence:
    """The evidence in an observation.

    Args:
        ridge: fitted to the earliest stage.
        position: as in `attacks.features.tokens.learn_position`.
    """
    grid, stages = observation.grid, observation.stages
    by_place: dict[Place, dict[int, WindowMessage]] = {}
    for message in observation.messages:
        if grid.windows[message.window].has_content:
            by_place.setdefault(place_of(message), {})[message.stage] = message
    places = [place for place, stages_seen in by_place.items() if stages[0] in stages_seen]
    pictures, tokens = [], []
    for place in places:
        seen = [_features(observation, by_place[place].get(stage), position) for stage in stages]
        assert seen[0] is not None
        window = grid.windows[place[2]]
        estimate = from_patches(ridge.linear(seen[0]), observation.patch_size)
        picture = estimate[: window.content_height, : window.content_width]
        pictures.append(np.clip(picture, 0, 255).astype(np.float64))
        tokens.append([None if f is None else f.mean(axis=(0, 1)) for f in seen])
    if not places:
        return Evidence([], np.zeros((0, 0)), np.zeros((0, 0, 0)))
    looks = np.array([_look(picture) for picture in pictures])
    means = [_stacked([own[i] for own in tokens]) for i in range(len(stages))]
    own = np.concatenate([looks, means[0]], axis=1)
    likeness = [_cosine(mean) for mean in means]
    apart = np.abs(looks[:, None] - looks[None])
    several = range(len(places))
    edges = np.array([[_border(grid, places, pictures, i, j) for j in several] for i in several])
    return Evidence(places, own, np.concatenate([apart, edges, np.stack(likeness, -1)], axis=-1))


def _features(
    observation: Observation, message: WindowMessage | None, position: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """What one message holds, [height, width, channels]; None without one."""
    if message is None:
        return None
    alone = observation.keeping([message])
    return window_features(alone, message.stage, position)[message.window]


def _look(picture: Values) -> Values:
    """Mean and spread of the colours, and logarithms of the mean steps down and across, [8]."""
    flat = picture.reshape(-1, 3)
    steps = [np.abs(np.diff(picture, axis=axis)) for axis in (0, 1)]
    texture = [np.log1p(step.mean() if step.size else 0.0) for step in steps]
    return np.array([*flat.mean(0) / 64, *flat.std(0) / 64, *texture])


def _stacked(means: Sequence[NDArray[np.float32] | None]) -> Values:
    """Mean tokens [windows, channels]; the mean of the others where there is none."""
    known = np.array([mean for mean in means if mean is not None], dtype=np.float64)
    return np.array([known.mean(0) if mean is None else mean for mean in means], dtype=np.float64)


def _cosine(means: Values) -> Values:
    unit = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return unit @ unit.T


def _border(
    grid: WindowGrid, places: Sequence[Place], pictures: Sequence[Values], i: int, j: int
) -> tuple[float, float]:
    """Whether two windows of a frame touch; how far colours jump there, against steps within."""
    one, other = grid.windows[places[i][2]], grid.windows[places[j][2]]
    step = other.row - one.row, other.col - one.col
    if step in ((-1, 0), (0, -1)):
        return _border(grid, places, pictures, j, i)
    if step not in ((1, 0), (0, 1)) or places[i][0] != places[j][0]:
        return 0.0, 0.0
    first, second = (p if step[0] else p.swapaxes(0, 1) for p in (pictures[i], pictures[j]))
    jump = np.abs(first[-1] - second[0]).mean()
    within = [np.abs(p[0] - p[1]).mean() for p in (first[::-1], second) if len(p) > 1]
    return 1.0, float(np.log1p(jump) - np.log1p(np.mean(within) if within else 0.0))
