"""One colour for each family of attacks, in every figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report.aggregate.families import BEST_FLOOR, family
from bench.report.render.style import Theme

MARKERS = "os^Dv<>P"
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))


def family_colour(attack: str, kind: str, theme: Theme) -> str:
    """The colour of an attack's family; ink where the family is unknown."""
    return theme.kinds.get(family(attack, kind), theme.ink)


def attack_looks(attacks: Mapping[str, str], theme: Theme) -> dict[str, dict[str, Any]]:
    """How the line of each attack is drawn: its family's colour; floors are dotted, without marks.

    Marks and dashes tell the attacks of one family apart, in the order given.

    Args:
        attacks: name → kind.
    """
    looks: dict[str, dict[str, Any]] = {}
    members: dict[str, int] = {}
    for name, kind in attacks.items():
        of = family(name, kind)
        place = members[of] = members.get(of, -1) + 1
        look: dict[str, Any] = {"color": family_colour(name, kind, theme)}
        if of == BEST_FLOOR:
            looks[name] = look | {"linestyle": (0, (1, 1.2 + place))}
            continue
        dash = DASHES[(place + place // len(MARKERS)) % len(DASHES)]
        mark = {"marker": MARKERS[place % len(MARKERS)], "markersize": 3.5}
        looks[name] = look | mark | {"linestyle": dash}
    return looks
