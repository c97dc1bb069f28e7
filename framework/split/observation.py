"""What a shard, or several together, have received, computed and returned.

Recorded at the transport boundary (`framework.transport.base`), failed sends included, and never
rebuilt from the truth. It serialises without pickle, so that an attack can run in a process that
has nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from framework.errors import PedbenchError, one_line
from framework.split.payload import PIXELS, Payload
from framework.split.windows import WindowGrid


@dataclass(frozen=True)
class WindowMessage:
    """One window on its way to a shard and back.

    Attributes:
        frame: 0 for the first picture of a session.
        round: 0 for the first round of a picture.
        stage: index of the first block that runs on what was sent; 0 means embedded patches.
        shard: the server that received it.
        window: index in the grid.
        sent, returned: payloads up and down; nothing comes back from a failed send.
        delivered: whether a sound answer came back; a failed send counts as seen all the same.
    """

    frame: int
    round: int
    stage: int
    shard: int
    window: int
    sent: Payload
    returned: Payload | None
    delivered: bool


@dataclass(frozen=True)
class Observation:
    """All messages of a coalition, with what it knows of the system.

    Attributes:
        img_size, patch_size, window_size, frame_size: the grid, as in `WindowGrid`.
        n_shards: servers in the deployment.
        shards: the servers of this coalition.
        plan, payload: names of the split plan and the payload in use.
        messages: in the order of sending.
        positions_known: whether ``window`` of a message is its index in the grid; otherwise it is
            a label from ``len(grid.windows)`` on, see `without_positions`.
    """

    img_size: int
    patch_size: int
    window_size: int
    frame_size: tuple[int, int]
    n_shards: int
    shards: tuple[int, ...]
    plan: str
    payload: str
    messages: tuple[WindowMessage, ...]
    positions_known: bool = True

    def lock(self) -> None:
        """Make all payloads read-only: whoever is handed them cannot change what others see."""
        for message in self.messages:
            for payload in (message.sent, message.returned):
                for array in () if payload is None else (payload.data, payload.scale):
                    if array is not None:
                        array.setflags(write=False)

    @cached_property
    def grid(self) -> WindowGrid:
        """The windows that the messages refer to."""
        return WindowGrid(self.img_size, self.patch_size, self.window_size, self.frame_size)

    @property
    def stages(self) -> tuple[int, ...]:
        """The stages at which something was received, ascending."""
        return tuple(sorted({message.stage for message in self.messages}))

    @cached_property
    def visible(self) -> tuple[int, ...]:
        """Windows received in round 0, before the first global block; labels if so hidden."""
        return tuple(sorted({m.window for m in self.messages if m.round == 0}))

    def tokens(self, stage: int = 0) -> dict[int, NDArray[np.float32]]:
        """Tokens received at ``stage``: window index → float32 [height, width, channels]."""
        return {
            m.window: m.sent.decode()
            for m in self.messages
            if m.stage == stage and m.sent.codec != PIXELS
        }

    def pixels(self) -> dict[int, NDArray[np.uint8]]:
        """Pixels received: window index → uint8 [content height, content width, 3]."""
        return {
            m.window: m.sent.data.astype(np.uint8) for m in self.messages if m.sent.codec == PIXELS
        }

    def restrict(self, shards: Iterable[int]) -> Observation:
        """What the coalition of ``shards`` alone has seen.

        Raises:
            PedbenchError: a shard is not among this observation's.
        """
        members = frozenset(shards)
        if not members <= set(self.shards):
            raise PedbenchError(
                f"shards {sorted(members)} are not all in this observation: "
                f"choose from {list(self.shards)}"
            )
        kept = tuple(m for m in self.messages if m.shard in members)
        return replace(self, shards=tuple(sorted(members)), messages=kept)

    def keeping(self, messages: Iterable[WindowMessage]) -> Observation:
        """The same with these messages alone."""
        return replace(self, messages=tuple(messages))

    def at_stages(self, stages: Iterable[int]) -> Observation:
        """Only the messages of these stages."""
        wanted = frozenset(stages)
        return self.keeping(m for m in self.messages if m.stage in wanted)

    def without_positions(self, seed: int) -> Observation:
        """The same messages with nothing to say where a window stands in the grid.

        Each window of each frame gets a label in place of its index, the same in all rounds of the
        frame; messages of a round come in the order of their labels. What the payload itself
        tells, such as the size of a border window or an embedded position, stays.

        Args:
            seed: of the labels.
        """
        rng = np.random.default_rng(seed)
        seen = sorted({(m.frame, m.window) for m in self.messages})
        labels = len(self.grid.windows) + rng.permutation(len(seen))
        label = dict(zip(seen, labels.tolist(), strict=True))
        renamed = [replace(m, window=label[m.frame, m.window]) for m in self.messages]
        renamed.sort(key=lambda m: (m.frame, m.round, m.shard, m.window))
        return replace(self, messages=tuple(renamed), positions_known=False)

    def to_bytes(self) -> bytes:
        """Serialise as safetensors, with everything but the arrays in its JSON header."""
        arrays: dict[str, NDArray[np.generic]] = {}
        entries = []
        for i, m in enumerate(self.messages):
            entry = {k: getattr(m, k) for k in ("frame", "round", "stage", "shard", "window")}
            entry["delivered"] = m.delivered
            for side in ("sent", "returned"):
                payload = getattr(m, side)
                if payload is not None:
                    entry[side] = payload.codec
                    arrays[f"{i}.{side}"] = payload.data
                    if payload.scale is not None:
                        arrays[f"{i}.{side}.scale"] = payload.scale
            entries.append(entry)
        header = {k: getattr(self, k) for k in _HEADER} | {"messages": entries}
        header["positions_known"] = self.positions_known
        return save(arrays, metadata={"observation": json.dumps(header)})

    @classmethod
    def from_bytes(cls, blob: bytes) -> Observation:
        """Read what `to_bytes` wrote.

        Raises:
            PedbenchError: the bytes are not an observation.
        """
        try:
            arrays = load(blob)
            size = int.from_bytes(blob[:8], "little")
            metadata = json.loads(blob[8 : 8 + size])["__metadata__"]
            header = json.loads(metadata["observation"])
            messages = tuple(
                WindowMessage(
                    **{k: e[k] for k in ("frame", "round", "stage", "shard", "window")},
                    sent=_payload(e, arrays, i, "sent"),
                    returned=_payload(e, arrays, i, "returned") if "returned" in e else None,
                    delivered=e["delivered"],
                )
                for i, e in enumerate(header.pop("messages"))
            )
            for name in ("frame_size", "shards"):
                header[name] = tuple(header[name])
            return cls(**header, messages=messages)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise PedbenchError(
                f"these bytes are not an observation ({one_line(error)}): record it again"
            ) from error


_HEADER = (
    "img_size",
    "patch_size",
    "window_size",
    "frame_size",
    "n_shards",
    "shards",
    "plan",
    "payload",
)


def _payload(entry: dict, arrays: dict, index: int, side: str) -> Payload:
    key = f"{index}.{side}"
    return Payload(entry[side], arrays[key], arrays.get(f"{key}.scale"))
