"""Which control a learned attack is to be compared with."""

from __future__ import annotations

from functools import cache

from attacks.base import ATTACKS, Attack
from attacks.controls import Blindfold


@cache
def prior_of(name: str) -> str | None:
    """The floor that is attack ``name``, retrained with its observation removed.

    Variants that see fewer rounds have the prior of the attack itself.

    Returns:
        Its name; ``None`` where the attack is unknown here, is a floor, or has no such twin.
    """
    known = dict(ATTACKS.items())
    if name not in known or known[name].kind == "floor":
        return None
    attack = _sighted(known[name])
    for other, twin in known.items():
        if twin.kind == "floor" and issubclass(twin, Blindfold) and _sighted(twin) is attack:
            return other
    return None


def _sighted(attack: type[Attack]) -> type[Attack]:
    """The class that a control was made of; an attack itself where it is none."""
    return attack.__mro__[2] if issubclass(attack, Blindfold) else attack
