"""Trained attackers in the cache: state and card in one file, checked whenever it is read."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialise

from bench.attackers.cards import Card
from bench.cache.disk import touch
from bench.cache.fingerprints import content_digest
from framework.files.cache import keeping
from framework.files.writing import write_file
from framework.warn import warn

CARD, DIGEST = "card", "sha256"


@dataclass(frozen=True)
class Trained:
    """What training made.

    Attributes:
        state: as `Attack.state` gives it.
        card: as `bench.attackers.cards.describe` gives it.
    """

    state: dict[str, NDArray[np.generic]]
    card: Card


def save(path: Path, made: Trained) -> None:
    """Write a trained attacker in one step; where that fails, with a warning, nothing is kept."""
    card = json.dumps(made.card)
    metadata = {CARD: card, DIGEST: content_digest(made.state, card)}
    with keeping():
        write_file(path, serialise(made.state, metadata))


def load(path: Path) -> Trained | None:
    """Read a trained attacker; ``None`` where there is none.

    A damaged file is deleted, with a warning.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get(DIGEST) == content_digest(state, metadata[CARD]):
            touch(path)
            return Trained(state, json.loads(metadata[CARD]))
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    warn(f"the trained attacker {path} is damaged: it is trained again")
    with contextlib.suppress(OSError):
        path.unlink()
    return None
