"""Which control an attack is to be compared with."""

from __future__ import annotations

from functools import cache

from attacks.base import ATTACKS, Attack
from attacks.controls.retrained_prior import Blindfold
from attacks.controls.swapped_twin import Swapped


@cache
def prior_of(name: str) -> str | None:
    """The floor that is attack ``name``, retrained with its observation removed.

    Variants that see fewer rounds have the prior of the attack itself; an attack without any
    control of its own has the prior of the attack it builds on.

    Returns:
        Its name; ``None`` where the attack is unknown here, is a floor, or has no such twin.
    """
    line = _line(name)
    own = line[:1] if line and _twin(line[0], Swapped) else line
    return next((twin for attack in own if (twin := _twin(attack, Blindfold))), None)


@cache
def control_of(name: str) -> str | None:
    """The floor that is like attack ``name`` in all but what it is told of the photo.

    Its own twin that is handed another photo's windows, where it has one, else its prior.
    """
    line = _line(name)
    return (_twin(line[0], Swapped) if line else None) or prior_of(name)


@cache
def first_round_of(name: str) -> str | None:
    """The twin of attack ``name`` that is retrained on the first round alone; ``None`` without."""
    for twin, attack in ATTACKS.items():
        if issubclass(attack, Blindfold) and attack.since == 1 and attack.base_attack.name == name:
            return twin
    return None


@cache
def swapped_twins() -> frozenset[str]:
    """The floors that are an attack, handed another photo's windows."""
    return frozenset(name for name, attack in ATTACKS.items() if issubclass(attack, Swapped))


def _line(name: str) -> list[type[Attack]]:
    """The class that an attack is or was made of, and those it builds on, nearest first."""
    known = dict(ATTACKS.items())
    if name not in known or known[name].kind == "floor":
        return []
    bases = _base_attack(known[name]).__mro__
    return [base for base in bases if issubclass(base, Attack) and base is not Attack]


def _twin(attack: type[Attack], control: type[Attack]) -> str | None:
    for name, twin in ATTACKS.items():
        if twin.kind == "floor" and issubclass(twin, control) and _base_attack(twin) is attack:
            return name
    return None


def _base_attack(attack: type[Attack]) -> type[Attack]:
    """The class that a control was made of; an attack itself where it is none."""
    return attack.base_attack if issubclass(attack, (Blindfold, Swapped)) else attack
