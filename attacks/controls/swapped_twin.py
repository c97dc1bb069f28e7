"""Controls of an attack: what it makes of another photo's windows."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, QUERIES, Attack, Knowledge
from attacks.controls.retrained_prior import blank
from attacks.features.public_examples import require_public
from framework.split.observation import Observation, WindowMessage
from framework.split.payload import PIXELS, Payload, encode_pixels, encode_tokens

DONORS = 6
"""Public photos whose windows are kept."""
DONOR = "donor."


class Swapped(Attack):
    """Hands whatever class follows it in the order of bases the windows of a public photo.

    They stand at the same places and arrived the same way, so that the picture shows what the
    attack adds to any photo: texture, contours, plausible colours. Of `DONORS` photos the two
    nearest in shape are eligible; which of them it is depends on the observation.

    Attributes:
        base_attack: the attack that this is a control of.
    """

    base_attack: ClassVar[type[Attack]]

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        require_public(knowledge, self.name)
        rng = np.random.default_rng(self.seed if self.random else 0)
        chosen = rng.permutation(len(knowledge.public))[:DONORS]
        for number, place in enumerate(chosen):
            self.learned |= dict(_kept(knowledge.public[place].observation, number))

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        donor = self._donor(observation)
        messages = tuple(self._swap(message, donor) for message in observation.messages)
        return super().reconstruct(replace(observation, messages=messages))  # type: ignore[safe-super]

    def _donor(self, observation: Observation) -> int:
        self.recall(f"{DONOR}0.frame")
        shapes = [self.learned[name] for name in sorted(self.learned) if name.endswith(".frame")]
        height, width = observation.frame_size
        misfit = [abs(np.log(rows / columns * width / height)) for rows, columns in shapes]
        sent = b"".join(message.sent.data.tobytes() for message in observation.messages)
        return int(np.argsort(misfit, kind="stable")[: 1 + zlib.crc32(sent) % 2][-1])

    def _swap(self, message: WindowMessage, donor: int) -> WindowMessage:
        sent = self.learned.get(f"{DONOR}{donor}.{message.stage}.{message.window}")
        empty = blank(message)
        return (
            empty
            if sent is None or not sent.size
            else replace(empty, sent=_like(sent, message.sent))
        )


def _kept(observation: Observation, number: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """What is kept of a photo: its shape, and what each window held."""
    yield f"{DONOR}{number}.frame", np.array(observation.frame_size)
    for message in observation.messages:
        pixels = message.sent.codec == PIXELS
        sent = message.sent.data.astype(np.uint8) if pixels else message.sent.decode()
        yield f"{DONOR}{number}.{message.stage}.{message.window}", sent


def _like(values: NDArray[Any], sent: Payload) -> Payload:
    """Values [h, w, channels] as a payload of the kind and size of ``sent``.

    Where the photo's border crosses a window, it is smaller: the last row or column is repeated.
    """
    height, width = sent.data.shape[:2]
    rows = np.arange(height).clip(max=values.shape[0] - 1)
    columns = np.arange(width).clip(max=values.shape[1] - 1)
    fitted = np.ascontiguousarray(values[rows][:, columns])
    return encode_pixels(fitted) if sent.codec == PIXELS else encode_tokens(fitted, "float32")


def register_swapped(attack: type[Attack]) -> type[Attack]:
    """Register the twin of an attack that is handed another photo's windows, a floor.

    For attacks whose knowledge of photos is built in, so that there is nothing to retrain.
    """
    name = f"{attack.name}_swapped"
    summary = f"{attack.name}, handed the windows of another photo: what it adds to any"
    own: Mapping[str, Any] = {
        "base_attack": attack,
        "summary": summary,
        "kind": "floor",
        "needs": attack.needs | {QUERIES},
        "__doc__": summary,
        "__module__": attack.__module__,
    }
    twin: type[Attack] = type(f"Swapped{attack.__name__}", (Swapped, attack), dict(own))
    return ATTACKS.register(name)(twin)
