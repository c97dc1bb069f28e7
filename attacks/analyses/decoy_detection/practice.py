"""Observations with decoys of the attacker's own making, so that it is known which are which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from attacks.base import Knowledge, PublicExample
from attacks.features.public_examples import observe
from framework.split.decoys import deal_decoys
from framework.split.defences.disguise.decoys import Decoys
from framework.split.observation import Observation, WindowMessage
from framework.split.policies import POLICIES

SHARDS = (2, 4, 9)
"""Numbers of shards that are practised on."""
ROUNDS = 4
"""Coalitions practised on for each public photo."""


@dataclass(frozen=True)
class Mixture:
    """What a coalition saw, and which messages were real.

    Attributes:
        observation: of the coalition.
        real: by message, bool.
    """

    observation: Observation
    real: NDArray[np.bool_]


def mixtures(
    knowledge: Knowledge, photos: Sequence[NDArray[np.uint8]] | None, seed: int
) -> list[tuple[PublicExample, list[Mixture]]]:
    """Each public photo with a decoy picture beside it, as random coalitions would see them.

    Args:
        knowledge: with the weights and with public photos.
        photos: from which decoy pictures are cut; those that everybody has when ``None``.
    """
    assert knowledge.sam is not None
    rng = np.random.default_rng(seed)
    found = []
    for example in knowledge.public:
        seen = example.observation
        [picture] = Decoys(1, photos).decoy_pictures(example.frame, rng)
        decoy = observe(knowledge.sam, picture, seen.plan, seen.payload).observation
        found.append((example, list(_coalitions(seen, decoy.at_stages(seen.stages), rng))))
    return found


def _coalitions(
    real: Observation, decoy: Observation, rng: np.random.Generator
) -> Iterator[Mixture]:
    for _ in range(ROUNDS):
        count = int(rng.choice([n for n in SHARDS if n <= len(real.grid.windows)]))
        members = rng.permutation(count)[: rng.integers(1, count + 1)].tolist()
        yield mixed(real, decoy, count, members, int(rng.integers(2**31)))


def mixed(
    real: Observation, decoy: Observation, count: int, members: Sequence[int], seed: int
) -> Mixture:
    """Two pictures as ``members`` of ``count`` shards would see them, the second as a decoy.

    Args:
        real, decoy: of all windows, of frames of one size.
        seed: of the sharing, by the policy ``sticky``.
    """
    owners = POLICIES.get("sticky")(seed).assign(real.grid, count)
    [places] = deal_decoys(real.grid, owners, 1, np.random.default_rng(seed))
    away = {window: shard for shard, windows in places.items() for window in windows}
    labelled: list[tuple[WindowMessage, bool]] = [
        *((replace(m, shard=owners[m.window]), True) for m in real.messages),
        *((replace(m, shard=away[m.window]), False) for m in decoy.messages if m.window in away),
    ]
    kept = [(m, label) for m, label in labelled if m.shard in members]
    kept.sort(key=lambda pair: (pair[0].round, pair[0].window, pair[0].shard))
    whole = replace(real, n_shards=count, shards=tuple(sorted(members)))
    return Mixture(whole.keeping(m for m, _ in kept), np.array([r for _, r in kept], bool))
