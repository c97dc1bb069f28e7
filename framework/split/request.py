"""One picture on its way from the edge through the shards and back."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framework.compute.finite import check_finite
from framework.errors import PedbenchError, place_of_code
from framework.exposure.scene import View
from framework.models.attention import joined
from framework.models.build import PedSam
from framework.split.decoys import Decoy, beside, deal_decoys
from framework.split.defences.base import Context, Defence
from framework.split.payload import PIXELS, Payload, PayloadSpec, encode_pixels, encode_tokens
from framework.split.plans import Place, Plan, Step
from framework.split.policies.base import Policy
from framework.split.recording import Recording
from framework.split.windows import WindowGrid
from framework.transport.abort import Abort
from framework.transport.base import Shards
from framework.transport.round import HOME, Round
from framework.transport.stage import cut, merge


@dataclass(frozen=True)
class Session:
    """What all pictures of a session have in common.

    Attributes:
        sam: the model.
        seed: of the defence's noise.
        name: drawn at random.
        policy_key: gives the secret key of policies.
        decoy_seed: gives the seed of the decoys.
    """

    sam: PedSam
    shards: Shards
    plan: Plan
    policy: Policy
    payload: PayloadSpec
    defence: Defence
    seed: int
    name: str
    policy_key: Callable[[], bytes]
    decoy_seed: Callable[[], int]


class Request:
    """One picture's way through the plan.

    Args:
        session: what it has in common with other pictures.
        frame: uint8 [h, w, 3], resized and unpadded.
        grid: its windows.
        view: where it lies in its scene.
        number: of the request in its session.
        decoy: number of the decoy picture that it is of; 0 for the photo. Each has noise of its
            own.
    """

    def __init__(
        self,
        session: Session,
        frame: NDArray[np.uint8],
        grid: WindowGrid,
        view: View,
        number: int,
        decoy: int = 0,
    ) -> None:
        self.session = session
        self.frame = frame
        self.grid = grid
        self.view = view
        self.number = number
        self.recording = Recording(grid, view, number)
        self.abort = Abort()
        self.lost: set[int] = set()
        self.rng = np.random.default_rng([session.seed, number, *([decoy] if decoy else [])])
        self.owners: Sequence[int] = ()
        self.decoys: Sequence[Decoy] = ()
        self.round = 0
        self.contexts: Sequence[Context] = ()

    def begin(self) -> None:
        """Protect the frame; where windows leave, choose their owners and the decoys."""
        original, self.frame = self.frame, self._protected_frame()
        plan = self.session.plan
        if plan.steps[0].place is Place.SERVER or not plan.rounds:
            return
        shards, key = self.session.shards, self.session.policy_key
        policy = self.session.policy.bound(self.view.scene, shards.places, key)
        policy = policy.seeing(original)
        self.owners = policy.assign(self.grid, shards.count, self.number)
        self.decoys = self._decoys()

    def image(self) -> Tensor:
        """Normalised pixels, padded to a square: [1, 3, side, side] in the encoder's type."""
        sam = self.session.sam
        image = torch.as_tensor(self.frame, device=sam.device).permute(2, 0, 1)[None]
        return sam.preprocess(image).to(sam.runtime.dtype)

    def rehearse(self) -> list[list[Payload]]:
        """What would be sent in each round, all of it computed on the edge."""
        self.owners = [HOME] * len(self.grid.windows)
        self.frame = self._protected_frame()
        tokens = self.session.sam.runtime.embed(self.image())
        sent: list[list[Payload]] = []
        for step in self.session.plan.steps:
            if step.place is Place.EDGE:
                tokens = self.session.sam.runtime.maps(step.blocks, tokens)
                continue
            sent.append(self.payloads(tokens))
            if len(sent) == self.session.plan.rounds:
                break
            tokens = self.exchange(step, sent[-1])
        return sent

    def _decoys(self) -> list[Decoy]:
        """Decoy pictures, the same ones for the same scene, and the servers that get them."""
        session, scene = self.session, zlib.crc32(self.view.scene.encode())
        if type(session.defence).decoy_pictures is Defence.decoy_pictures:
            return []
        seed = session.decoy_seed()
        pictures = session.defence.decoy_pictures(self.frame, np.random.default_rng([seed, scene]))
        strength, rng = session.defence.strength, np.random.default_rng(seed)
        places = deal_decoys(self.grid, self.owners, strength, rng) if pictures else []
        return [
            Decoy(Request(session, frame, self.grid, self.view, self.number, i).rehearse(), held)
            for i, (frame, held) in enumerate(zip(pictures, places, strict=True), start=1)
            if any(held.values())
        ]

    def payloads(self, tokens: Tensor) -> list[Payload]:
        """What is sent of every window in this round."""
        self.contexts = self._new_contexts()
        if self.round == 0 and self.session.payload.first == PIXELS:
            return self._pixel_payloads(self.contexts)
        return self._token_payloads(tokens[0], self.contexts)

    def exchange(self, step: Step, payloads: Sequence[Payload]) -> Tensor:
        """One round: the token map that comes of it."""
        decoys = beside(self.decoys, self.round)
        self.recording.decoys.update(p for held in decoys.values() for p in held.values())
        answers = self.session.shards.exchange(self._asked(step), self.owners, payloads, decoys)
        self.round += 1
        windows = [
            torch.from_numpy(self._restored(answer, context))
            for answer, context in zip(answers, self.contexts, strict=True)
        ]
        return merge(windows, self.grid)[None].to(self.session.sam.runtime.positions)

    def centralized(self, step: Step) -> Tensor:
        """The image embedding from the server that gets the whole picture."""
        payloads = self._pixel_payloads(self._new_contexts())
        answer = self.session.shards.encode_image(self._asked(step), payloads)
        if any(message.delivered for message in self.recording.messages):
            self.recording.image_bytes_down = answer.nbytes
        features = torch.as_tensor(answer.decode(), device=self.session.sam.device)
        return features.permute(2, 0, 1)[None]

    def _new_contexts(self) -> list[Context]:
        return [Context(window, self.round, self.grid) for window in self.grid.windows]

    def _asked(self, step: Step) -> Round:
        session = self.session
        return Round(
            grid=self.grid,
            index=self.round,
            request=self.number,
            blocks=step.blocks,
            codec=session.payload.tokens,
            session=session.name,
            view=self.view,
            abort=self.abort,
            lost=self.lost,
        )

    def _pixel_payloads(self, contexts: Sequence[Context]) -> list[Payload]:
        return [encode_pixels(self._protected_pixels(context)) for context in contexts]

    def _token_payloads(self, tokens: Tensor, contexts: Sequence[Context]) -> list[Payload]:
        check_finite(tokens, "the tokens to be sent", self.session.sam)
        codec, whole = self.session.payload.tokens, tokens.float().cpu().numpy()
        return [
            encode_tokens(self._protected(context, values), codec)
            for context, values in zip(contexts, cut(whole, self.grid), strict=True)
        ]

    def _protected_frame(self) -> NDArray[np.uint8]:
        frame = self.session.defence.protect_frame(self.frame, self.rng)
        _check_form(self.session.defence, frame, self.frame)
        return frame

    def _protected_pixels(self, context: Context) -> NDArray[np.uint8]:
        defence, pixels = self.session.defence, self.frame[self.grid.pixel_slice(context.window)]
        values = defence.protect_window_pixels(pixels, self.rng, context)
        _check_form(defence, values, pixels)
        return values

    def _restored(self, answer: Payload, context: Context) -> NDArray[np.float32]:
        defence, tokens = self.session.defence, answer.decode()
        values = defence.restore_window(tokens, context)
        _check_form(defence, values, tokens)
        return values

    def _protected(self, context: Context, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        defence = self.session.defence
        values = defence.protect_window(tokens, self.rng, context)
        _check_form(defence, values, tokens)
        if not np.isfinite(values).all():
            raise PedbenchError(
                f"defence {type(defence).__name__} makes NaN or infinity of finite tokens: "
                "give another strength"
            )
        return values


@torch.inference_mode()
def encode(requests: Sequence[Request]) -> Tensor:
    """The embeddings of pictures of one session, [pictures, channels, rows, columns].

    What the edge computes, it computes for all of them at once. What a server gets of one picture
    does not depend on the others.
    """
    session = requests[0].session
    first, runtime = session.plan.steps[0], session.sam.runtime
    for request in requests:
        request.begin()
    if first.place is Place.SERVER:
        return joined([request.centralized(first) for request in requests])
    tokens = runtime.embed(joined([request.image() for request in requests]))
    for step in session.plan.steps:
        for request in requests:
            request.abort.check()
        if step.place is Place.SHARDS:
            each = zip(requests, tokens.split(1), strict=True)
            tokens = joined([r.exchange(step, r.payloads(map_)) for r, map_ in each])
        else:
            tokens = runtime.maps(step.blocks, tokens)
    return runtime.neck(tokens)


def _check_form(defence: Defence, values: NDArray[np.generic], given: NDArray[np.generic]) -> None:
    """Refuse what a defence gives back if it is not of the form that it was given."""
    if isinstance(values, np.ndarray) and (values.dtype, values.shape) == (
        given.dtype,
        given.shape,
    ):
        return
    found = f"{getattr(values, 'dtype', type(values).__name__)} {list(np.shape(values))}"
    raise PedbenchError(
        f"defence {type(defence).__name__}{place_of_code(type(defence).protect)} turns "
        f"{given.dtype} {list(given.shape)} into {found}: keep dtype and shape"
    )
