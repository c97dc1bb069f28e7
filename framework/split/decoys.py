"""Decoy windows: which server gets which, and what it is sent of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from framework.split.payload import Payload
from framework.split.windows import WindowGrid

Places = Mapping[int, Sequence[int]]
"""Windows by server."""
FORBIDDEN = 1e6


@dataclass(frozen=True)
class Decoy:
    """A decoy picture.

    Attributes:
        sent: the payloads of its windows, round by round.
        places: the windows that each server gets.
    """

    sent: Sequence[Sequence[Payload]]
    places: Places


def beside(decoys: Sequence[Decoy], index: int) -> dict[int, dict[int, Payload]]:
    """What goes to each server beside the real windows in round ``index``: server → window."""
    held: dict[int, dict[int, Payload]] = {}
    for decoy in decoys:
        for shard, windows in decoy.places.items():
            payloads = decoy.sent[index]
            held.setdefault(shard, {}).update({w: payloads[w] for w in windows})
    return held


def deal_decoys(
    grid: WindowGrid, owners: Sequence[int], ratio: float, rng: np.random.Generator
) -> list[Places]:
    """Share decoy pictures out as the real one is shared out.

    A server gets as many windows of each decoy picture as it holds real ones, of the last picture
    only the fraction that ``ratio`` leaves. No server gets two windows of one place, and no decoy
    goes to two servers: for the servers, a decoy picture and the real one look alike.
    Padding has no decoys. Decoys may stand where the real window stays at home.

    Args:
        owners: the server of every window, as a policy assigns them.
        ratio: decoys for each real window; fewer where no place is left for them.
        rng: seeded alike, the same owners get the same decoys. Otherwise the places in many
            pictures of a session would tell which windows are always there.

    Returns:
        For each decoy picture, its windows by server.
    """
    holds = {
        shard: [w for w in grid.content if owners[w] == shard]
        for shard in sorted({owners[w] for w in grid.content if owners[w] >= 0})
    }
    taken = {(shard, window) for shard, windows in holds.items() for window in windows}
    pictures: list[Places] = []
    while len(pictures) < ratio:
        share = min(1.0, ratio - len(pictures))
        wanted = [shard for shard, held in holds.items() for _ in range(round(share * len(held)))]
        placed = _place(wanted, grid.content, taken, rng)
        taken |= placed
        pictures.append({s: sorted(w for t, w in placed if t == s) for s in holds})
    return pictures


def _place(
    wanted: Sequence[int],
    windows: Sequence[int],
    taken: set[tuple[int, int]],
    rng: np.random.Generator,
) -> set[tuple[int, int]]:
    """A window of its own for each entry of ``wanted``, at random, none that is taken."""
    cost = rng.random((len(wanted), len(windows)))
    for row, shard in enumerate(wanted):
        for column, window in enumerate(windows):
            if (shard, window) in taken:
                cost[row, column] = FORBIDDEN
    rows, columns = linear_sum_assignment(cost)
    return {
        (wanted[row], windows[column])
        for row, column in zip(rows, columns, strict=True)
        if cost[row, column] < FORBIDDEN
    }
