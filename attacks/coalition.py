"""Which shards collude."""

from __future__ import annotations

import numpy as np

from framework.errors import PedbenchError
from framework.split.observation import Observation


def seeded(observation: Observation, size: int, seed: int) -> tuple[int, ...]:
    """A random coalition, nested: with one seed, each size contains every smaller one.

    Args:
        observation: of all shards.
        size: number of colluding shards, 0 or more.

    Returns:
        Shard indices, ascending.

    Raises:
        PedbenchError: there are fewer shards than ``size``.
    """
    _check(observation, size)
    order = np.random.default_rng(seed).permutation(observation.shards)
    return tuple(sorted(int(shard) for shard in order[:size]))


def largest_exposure(observation: Observation, size: int) -> tuple[int, ...]:
    """The ``size`` shards that each saw the most content pixels; of equals, the lower index.

    The largest exposure of any coalition of that size wherever no window goes to two shards;
    nested by construction.

    Returns:
        Shard indices, ascending.

    Raises:
        PedbenchError: there are fewer shards than ``size``.
    """
    _check(observation, size)
    seen = exposure(observation)
    return tuple(sorted(sorted(seen, key=lambda shard: (-seen[shard], shard))[:size]))


def padding_only(observation: Observation) -> Observation:
    """What a shard would see whose windows lie in SAM's padding and hold nothing of the picture.

    Nothing at all where the picture fills every window.
    """
    windows = observation.grid.windows
    return observation.keeping(m for m in observation.messages if not windows[m.window].has_content)


def exposure(observation: Observation) -> dict[int, int]:
    """Content pixels that each shard saw before the first global block."""
    grid = observation.grid
    windows: dict[int, set[int]] = {shard: set() for shard in observation.shards}
    for message in observation.messages:
        if message.round == 0:
            windows[message.shard].add(message.window)
    return {
        shard: sum(grid.windows[w].content_height * grid.windows[w].content_width for w in held)
        for shard, held in windows.items()
    }


def _check(observation: Observation, size: int) -> None:
    if not 0 <= size <= len(observation.shards):
        raise PedbenchError(
            f"a coalition of {size} among {len(observation.shards)} shards: "
            f"give 0 to {len(observation.shards)}"
        )
