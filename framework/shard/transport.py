"""The boundary between edge and shards, where every message is recorded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from segment_anything.modeling import Sam

from framework.errors import PedbenchError
from framework.observation import WindowMessage
from framework.payload import PIXELS, Payload, encode_tokens
from framework.shard.stage import WindowStage, merge
from framework.windows import WindowGrid


@dataclass(frozen=True)
class Round:
    """One round trip.

    Attributes:
        grid: the windows of this picture.
        index: 0 for the first round trip of a picture.
        frame: 0 for the first picture of a session.
        blocks: window blocks that the shards run, or all blocks for a centralised server.
        codec: how results travel back.
    """

    grid: WindowGrid
    index: int
    frame: int
    blocks: tuple[int, ...]
    codec: str


class Tap(Protocol):
    """Receives every message that crosses the boundary."""

    def __call__(self, message: WindowMessage) -> None: ...


class Shards(ABC):
    """Servers that run window blocks. Subclasses only move bytes; recording happens here."""

    def __init__(self, count: int) -> None:
        if count < 1:
            raise PedbenchError(f"{count} shards: give at least 1")
        self.count = count
        self.taps: list[Tap] = []

    def exchange(
        self, trip: Round, owners: Sequence[int], payloads: Sequence[Payload]
    ) -> list[Payload]:
        """Send every window to its owner and collect what comes back, in window order.

        A window whose send failed is recorded as seen before the error is raised.
        """
        answers: dict[int, Payload] = {}
        held: dict[int, list[int]] = {}
        for window, shard in enumerate(owners):
            held.setdefault(shard, []).append(window)
        try:
            answers = self._exchange(trip, {k: {w: payloads[w] for w in held[k]} for k in held})
        finally:
            for window, shard in enumerate(owners):
                self._record(trip, shard, window, payloads[window], answers.get(window))
        return [answers[window] for window in range(len(owners))]

    def encode_image(self, trip: Round, payloads: Sequence[Payload]) -> Payload:
        """Send the whole frame, cut into windows, to server 0; get the image embedding back."""
        answer: Payload | None = None
        try:
            answer = self._encode_image(trip, payloads)
        finally:
            for window, payload in enumerate(payloads):
                self._record(trip, 0, window, payload, None, delivered=answer is not None)
        return answer

    def _record(
        self,
        trip: Round,
        shard: int,
        window: int,
        sent: Payload,
        returned: Payload | None,
        delivered: bool | None = None,
    ) -> None:
        arrived = returned is not None if delivered is None else delivered
        message = WindowMessage(
            trip.frame, trip.index, trip.blocks[0], shard, window, sent, returned, arrived
        )
        for tap in self.taps:
            tap(message)

    def bind(self, sam: Sam) -> None:  # noqa: B027
        """Take the edge's model; called before each picture. Remote servers hold their own."""

    @abstractmethod
    def _exchange(
        self, trip: Round, held: Mapping[int, Mapping[int, Payload]]
    ) -> dict[int, Payload]:
        """Windows by shard → results by window."""

    @abstractmethod
    def _encode_image(self, trip: Round, payloads: Sequence[Payload]) -> Payload:
        """The image embedding [rows, columns, channels] computed by one server."""


class LocalShards(Shards):
    """Shards in this process: the same arithmetic and the same payloads, without a network."""

    stage: WindowStage

    def bind(self, sam: Sam) -> None:
        """Give the shards the model they serve."""
        self.stage = WindowStage(sam)

    def _exchange(
        self, trip: Round, held: Mapping[int, Mapping[int, Payload]]
    ) -> dict[int, Payload]:
        answers: dict[int, Payload] = {}
        for windows in held.values():
            answers.update(serve_windows(self.stage, trip, windows))
        return answers

    def _encode_image(self, trip: Round, payloads: Sequence[Payload]) -> Payload:
        return serve_image(self.stage, trip, payloads)


@torch.inference_mode()
def serve_windows(
    stage: WindowStage, trip: Round, windows: Mapping[int, Payload]
) -> dict[int, Payload]:
    """A shard's side of a round: decode, run the blocks on all windows at once, encode."""
    tokens = [_open(stage, trip.grid, index, payload) for index, payload in windows.items()]
    results = stage.run(trip.blocks, tokens)
    return {
        index: encode_tokens(result.cpu().numpy(), trip.codec)
        for index, result in zip(windows, results, strict=True)
    }


@torch.inference_mode()
def serve_image(stage: WindowStage, trip: Round, payloads: Sequence[Payload]) -> Payload:
    """The centralised server's side: the stock encoder on the reassembled frame."""
    encoder = stage.encoder
    tokens = merge([_open(stage, trip.grid, i, p) for i, p in enumerate(payloads)], trip.grid)[None]
    for index in trip.blocks:
        tokens = encoder.blocks[index](tokens)
    features = encoder.neck(tokens.permute(0, 3, 1, 2))[0].permute(1, 2, 0)
    return encode_tokens(features.cpu().numpy(), trip.codec)


def _open(stage: WindowStage, grid: WindowGrid, index: int, payload: Payload) -> torch.Tensor:
    if payload.codec == PIXELS:
        return stage.embed(grid.windows[index], payload.data.astype("uint8"))
    return torch.as_tensor(payload.decode(), device=stage.sam.device)
