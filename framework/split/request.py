"""One picture on its way from the edge through the shards and back."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framework.errors import PedbenchError
from framework.exposure.scene import View
from framework.finite import check_finite
from framework.split.decoys import Decoy, beside, deal_decoys
from framework.split.defences.base import Defence
from framework.split.observation import WindowMessage
from framework.split.payload import PIXELS, Payload, encode_pixels, encode_tokens
from framework.split.plans import Place, Step
from framework.split.windows import WindowGrid
from framework.transport.round import HOME, Round
from framework.transport.stage import cut, merge

if TYPE_CHECKING:
    from framework.split.edge import DistributedEncoder


@dataclass(frozen=True)
class Traffic:
    """What really crossed for one picture, without framing.

    Attributes:
        bytes_up, bytes_down: payload bytes to and from the servers.
        rounds: round trips.
    """

    bytes_up: int
    bytes_down: int
    rounds: int


class Recording:
    """A tap that keeps the messages of one picture, whatever else crosses meanwhile.

    Attributes:
        decoys: what was sent beside the windows of the picture.
    """

    def __init__(
        self, grid: WindowGrid | None = None, view: View | None = None, number: int = 0
    ) -> None:
        self.grid = grid
        self.view = view
        self.number = number
        self.messages: list[WindowMessage] = []
        self.decoys: set[Payload] = set()
        self.image_bytes_down = 0

    def __call__(self, message: WindowMessage) -> None:
        if message.frame == self.number:
            self.messages.append(message)

    @property
    def real(self) -> list[WindowMessage]:
        """The messages that are no decoys."""
        return [message for message in self.messages if message.sent not in self.decoys]

    @property
    def traffic(self) -> Traffic:
        """Totals over the messages."""
        returned = [m.returned.nbytes for m in self.messages if m.returned is not None]
        return Traffic(
            bytes_up=sum(m.sent.nbytes for m in self.messages),
            bytes_down=sum(returned) + self.image_bytes_down,
            rounds=len({m.round for m in self.messages}),
        )


class Request:
    """One picture's way through the plan.

    Args:
        encoder: whose request it is.
        frame: uint8 [h, w, 3], resized and unpadded.
        grid: its windows.
        view: where it lies in its scene.
        number: of the request in its session.
    """

    def __init__(
        self,
        encoder: DistributedEncoder,
        frame: NDArray[np.uint8],
        grid: WindowGrid,
        view: View,
        number: int,
    ) -> None:
        self.encoder = encoder
        self.frame = frame
        self.grid = grid
        self.view = view
        self.number = number
        self.recording = Recording(grid, view, number)
        self.rng = np.random.default_rng([encoder.seed, number])
        self.owners: Sequence[int] = ()
        self.decoys: Sequence[Decoy] = ()
        self.round = 0

    @torch.inference_mode()
    def encode(self) -> Tensor:
        runtime = self.encoder.sam.runtime
        if self.encoder.plan.steps[0].place is Place.SERVER:
            return self._centralized(self.encoder.plan.steps[0])
        if self.encoder.plan.rounds:
            shards, key = self.encoder.shards, self.encoder.policy_key
            policy = self.encoder.policy.bound(self.view.scene, shards.places, key)
            self.owners = policy.assign(self.grid, shards.count, self.number)
            self.decoys = self._decoys()
        tokens = self._embed()
        for step in self.encoder.plan.steps:
            if step.place is Place.SHARDS:
                tokens = self._exchange(step, self._payloads(tokens))
            else:
                tokens = runtime.maps(step.blocks, tokens)
        return runtime.neck(tokens)

    def _embed(self) -> Tensor:
        sam = self.encoder.sam
        image = torch.as_tensor(self.frame, device=sam.device).permute(2, 0, 1)[None]
        return sam.runtime.embed(sam.preprocess(image).to(sam.image_encoder.pos_embed.dtype))

    def rehearse(self) -> list[list[Payload]]:
        """What would be sent in each round, all of it computed on the edge."""
        self.owners = [HOME] * len(self.grid.windows)
        tokens = self._embed()
        sent: list[list[Payload]] = []
        for step in self.encoder.plan.steps:
            if step.place is Place.EDGE:
                tokens = self.encoder.sam.runtime.maps(step.blocks, tokens)
                continue
            sent.append(self._payloads(tokens))
            if len(sent) == self.encoder.plan.rounds:
                break
            tokens = self._exchange(step, sent[-1])
        return sent

    def _decoys(self) -> list[Decoy]:
        """Decoy pictures, the same ones for the same scene, and who gets what of them."""
        encoder, scene = self.encoder, zlib.crc32(self.view.scene.encode())
        if type(encoder.defence).decoy_pictures is Defence.decoy_pictures:
            return []
        seed = encoder.decoy_seed()
        pictures = encoder.defence.decoy_pictures(self.frame, np.random.default_rng([seed, scene]))
        strength, rng = encoder.defence.strength, np.random.default_rng(seed)
        places = deal_decoys(self.grid, self.owners, strength, rng) if pictures else []
        return [
            Decoy(Request(encoder, frame, self.grid, self.view, self.number).rehearse(), held)
            for frame, held in zip(pictures, places, strict=True)
            if any(held.values())
        ]

    def _payloads(self, tokens: Tensor) -> list[Payload]:
        """What is sent of every window in this round."""
        if self.round == 0 and self.encoder.payload.first == PIXELS:
            return self._pixel_payloads()
        return self._token_payloads(tokens[0])

    def _exchange(self, step: Step, payloads: Sequence[Payload]) -> Tensor:
        """One round trip: the token map that comes of it."""
        decoys = beside(self.decoys, self.round)
        self.recording.decoys.update(p for held in decoys.values() for p in held.values())
        exchange = self.encoder.shards.exchange
        answers = exchange(self._trip(step), self.owners, payloads, decoys)
        self.round += 1
        position = self.encoder.sam.image_encoder.pos_embed
        windows = [torch.as_tensor(answer.decode()).to(position) for answer in answers]
        return merge(windows, self.grid)[None]

    def _centralized(self, step: Step) -> Tensor:
        payloads = self._pixel_payloads()
        answer = self.encoder.shards.encode_image(self._trip(step), payloads)
        if any(message.delivered for message in self.recording.messages):
            self.recording.image_bytes_down = answer.nbytes
        features = torch.as_tensor(answer.decode(), device=self.encoder.sam.device)
        return features.permute(2, 0, 1)[None]

    def _trip(self, step: Step) -> Round:
        encoder = self.encoder
        return Round(
            grid=self.grid,
            index=self.round,
            frame=self.number,
            blocks=step.blocks,
            codec=encoder.payload.tokens,
            session=encoder.session,
            view=self.view,
        )

    def _pixel_payloads(self) -> list[Payload]:
        protect = self.encoder.defence.protect_pixels
        return [
            encode_pixels(protect(self.frame[self.grid.pixel_slice(window)], self.rng))
            for window in self.grid.windows
        ]

    def _token_payloads(self, tokens: Tensor) -> list[Payload]:
        check_finite(tokens, "the tokens to be sent", self.encoder.sam)
        codec = self.encoder.payload.tokens
        return [
            encode_tokens(self._protected(window.float().cpu().numpy()), codec)
            for window in cut(tokens, self.grid)
        ]

    def _protected(self, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        defence = self.encoder.defence
        values = defence.protect(tokens, self.rng)
        if not np.isfinite(values).all():
            raise PedbenchError(
                f"defence {type(defence).__name__} makes NaN or infinity of finite tokens: "
                "give another strength"
            )
        return values
