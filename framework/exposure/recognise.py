"""Scenes that look alike: one changed pixel must not make a photo a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from framework.exposure.ledger import Ledger
from framework.exposure.look import NEAR, SURE, Look, distance
from framework.exposure.scene import View

NAME = "--scene NAME, or predictor.scene(image, NAME)"


class Recognised(NamedTuple):
    """What a scene turned out to be.

    Attributes:
        name: under which it counts.
        earlier: the scene that it looks like; empty without one.
        warning: what to tell of that; empty without.
    """

    name: str
    earlier: str = ""
    warning: str = ""


def recognised(ledger: Ledger, view: View) -> Recognised:
    """What a view's scene is; it is open in the ledger then.

    Call it within a transaction of the ledger.

    Raises:
        PedbenchError: the scene is known with another size.
    """
    found = Recognised(view.scene)
    if view.look is not None:
        looks, sizes = ledger.looks(), ledger.scenes()
        if view.scene not in sizes:
            found = _compared(view, view.look, looks, sizes)
        elif view.scene in looks:
            found = _turned(view.scene, view.look, looks[view.scene])
    bits = None if view.look is None else view.look.bits
    ledger.open_scene(found.name, view.scene_size, bits)
    return found


def _compared(
    view: View, look: Look, looks: Mapping[str, int], sizes: Mapping[str, tuple[int, int]]
) -> Recognised:
    """A new scene beside the earlier ones."""
    near = {name: distance(look.bits, bits) for name, bits in looks.items()}
    alike = [name for name in near if near[name] <= SURE and sizes[name] == view.scene_size]
    if alike and view.by_content:
        twin = min(alike, key=near.__getitem__)
        text = f"looks like scene '{twin}' and counts as the same: give {NAME} if it is another one"
        return Recognised(twin, twin, f"scene '{view.scene}' {text}")
    for name, bits in looks.items():
        upright = near[name] <= NEAR
        if upright or any(distance(turned, bits) <= SURE for turned in look.turned):
            how = "" if upright else ", mirrored or turned"
            text = (
                f"scene '{view.scene}' looks like scene '{name}' of {sizes[name][1]}x"
                f"{sizes[name][0]} pixels{how}, but what servers see of both does not add up: "
                f"if it is the same place, send it as before, under one name ({NAME})"
            )
            return Recognised(view.scene, name, text)
    return Recognised(view.scene)


def _turned(name: str, look: Look, known: int) -> Recognised:
    """A scene under the name of an earlier one."""
    upright = distance(look.bits, known) <= NEAR
    if upright or all(distance(turned, known) > SURE for turned in look.turned):
        return Recognised(name)
    text = "exposure would be counted at wrong places: send it as before, or give another name"
    return Recognised(name, name, f"the picture shows scene '{name}' mirrored or turned, {text}")
