"""Controls of a learned attack: the same network, retrained with its observation removed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, QUERIES, Attack, Kind, Knowledge
from framework.models.build import PIXEL_MEAN
from framework.split.observation import Observation, WindowMessage
from framework.split.payload import PIXELS, Payload, encode_pixels, encode_tokens


def blanked(observation: Observation, since: int = 0) -> Observation:
    """The same messages, with nothing in those of round ``since`` and later.

    Tokens become zeros and pixels the colour that SAM pads with, so that an attack runs as ever and
    still knows which windows there were.
    """
    messages = tuple(m if m.round < since else blank(m) for m in observation.messages)
    return replace(observation, messages=messages)


def blank(message: WindowMessage) -> WindowMessage:
    """The same message with nothing in it, see `blanked`."""
    returned = None if message.returned is None else _nothing(message.returned)
    return replace(message, sent=_nothing(message.sent), returned=returned)


def _nothing(payload: Payload) -> Payload:
    if payload.codec == PIXELS:
        grey = np.rint(PIXEL_MEAN).astype(np.uint8)
        return encode_pixels(np.broadcast_to(grey, payload.data.shape))
    return encode_tokens(np.zeros_like(payload.decode()), "float32")


class Blindfold(Attack):
    """Puts `blanked` before whatever class follows it in the order of bases.

    Attributes:
        base_attack: the attack that this is a control of.
        since: the first round that is blanked.
    """

    base_attack: ClassVar[type[Attack]]
    since: int = 0

    def fit(self, knowledge: Knowledge) -> None:
        public = [replace(e, observation=self._blanked(e.observation)) for e in knowledge.public]
        super().fit(replace(knowledge, public=public))

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        return super().reconstruct(self._blanked(observation))  # type: ignore[safe-super]

    def _blanked(self, observation: Observation) -> Observation:
        return blanked(observation, self.since)


def register_prior(attack: type[Attack], name: str = "") -> type[Attack]:
    """Register the prior-only twin of a learned attack, a floor.

    Args:
        name: of the twin; ``<attack>_prior`` unless given.
    """
    summary = f"{attack.name} retrained with its observation removed: what public photos alone say"
    return _register(attack, name or f"{attack.name}_prior", summary, "floor", since=0)


def register_first_round(attack: type[Attack], name: str = "") -> type[Attack]:
    """Register the twin of a learned attack that is retrained on the first round alone.

    What the attack gains over it comes from later rounds, not from natural context.

    Args:
        name: of the twin; ``<attack>_round1`` unless given.
    """
    summary = f"{attack.name} retrained on the first round alone: natural context, no mixed tokens"
    return _register(attack, name or f"{attack.name}_round1", summary, attack.kind, since=1)


def _register(
    attack: type[Attack], name: str, summary: str, kind: Kind, since: int
) -> type[Attack]:
    own: dict[str, Any] = {
        "base_attack": attack,
        "summary": summary,
        "kind": kind,
        "since": since,
    }
    own |= {"__doc__": summary, "__module__": attack.__module__}
    if since == 0:
        own["needs"] = attack.needs - {QUERIES}
    twin: type[Attack] = type(f"Blind{attack.__name__}", (Blindfold, attack), own)
    return ATTACKS.register(name)(twin)
