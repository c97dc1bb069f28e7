"""A card for each trained attacker: what it learned from, how long that took, how it went."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attacks.base import Attack, Knowledge
from bench.attackers.training_setting import TrainingSetting
from bench.runner.folder.provenance import device_label
from framework.files.writing import write_file

CARDS = "attackers.json"
"""A run folder's file of cards."""
CURVE = "curve"

Card = dict[str, Any]


def describe(
    attack: Attack,
    setting: TrainingSetting,
    knowledge: Knowledge,
    data: Iterable[str],
    seconds: float,
) -> Card:
    """The card of an attack that has just been fitted.

    Args:
        data: names of the data sets that its photos come from.
        seconds: that `Attack.fit` took, photos already observed.

    Returns:
        Attack and seed; the fields of the training setting; ``data``, ``photos`` and ``overheard``
        (how many pictures of each kind), ``seconds``, ``device``, and ``curve`` as
        `attacks.networks.training.train` gives it, ``None`` where nothing was trained step by step.
    """
    return {
        **setting.fields,
        "attack": attack.name,
        "seed": attack.seed,
        "data": list(data),
        "photos": len(knowledge.public),
        "overheard": len(knowledge.overheard),
        "seconds": round(seconds, 3),
        "device": device_label(torch.device(knowledge.device)),
        "curve": _rows(attack.learned.get(CURVE)),
    }


def keep(folder: Path, cards: Iterable[Card]) -> None:
    """Add cards to those of a run folder; one of the same attacker is replaced."""
    known = {_identity(card): card for card in (*read_cards(folder), *cards)}
    if known:
        rows = ",\n".join(json.dumps(known[key]) for key in sorted(known))
        write_file(folder / CARDS, f"[\n{rows}\n]\n")


def read_cards(folder: Path) -> list[Card]:
    """The cards of a run folder; none where the file is missing or damaged."""
    try:
        content = json.loads((folder / CARDS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    sound = isinstance(content, list) and all(isinstance(card, dict) for card in content)
    return content if sound else []


def _identity(card: Mapping[str, Any]) -> str:
    usual = {"attack": None, "seed": None, **TrainingSetting().fields}
    return json.dumps({name: card.get(name, default) for name, default in usual.items()})


def _rows(curve: NDArray[Any] | None) -> list[list[float]] | None:
    return None if curve is None else np.round(curve.astype(float), 6).tolist()
