"""The trusted edge: cuts, sends, merges, and runs what no shard may see."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framework.defences.base import DEFENCES, Defence
from framework.errors import PedbenchError
from framework.exposure.scene import View
from framework.models.build import PedSam
from framework.observation import Observation, WindowMessage
from framework.payload import PIXELS, Payload, PayloadSpec, encode_pixels, encode_tokens
from framework.plans import Place, Plan, Step, make_plan
from framework.policies.base import POLICIES, Policy
from framework.shard.stage import cut, merge
from framework.shard.transport import Round, Shards
from framework.windows import WindowGrid


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


class DistributedEncoder:
    """SAM's image encoder, shared out over servers.

    Args:
        sam: the model; the edge holds all of it.
        shards: the servers; in-process ones are given the same weights.
        plan: name of the split plan.
        policy: an assignment policy or its name.
        payload: name of the payload.
        defence: a defence or its name.
        seed: of the defence's noise; drawn from the system when not given.

    Raises:
        PedbenchError: unknown plan, policy, payload or defence.
    """

    def __init__(
        self,
        sam: PedSam,
        shards: Shards,
        *,
        plan: str = "interleaved",
        policy: str | Policy = "sticky",
        payload: str = "float32",
        defence: str | Defence = "none",
        seed: int | None = None,
    ) -> None:
        self.sam = sam
        self.shards = shards
        self.plan: Plan = make_plan(plan, sam.arch)
        self.policy = POLICIES.get(policy)() if isinstance(policy, str) else policy
        self.payload = PayloadSpec.parse(payload)
        self.defence = DEFENCES.get(defence)() if isinstance(defence, str) else defence
        self.seed = secrets.randbits(63) if seed is None else seed
        self.session = secrets.token_hex(8)
        self.requests = 0
        self.last = Recording()

    def __call__(self, frame: NDArray[np.uint8], view: View | None = None) -> Tensor:
        """Encode one frame.

        Args:
            frame: the resized, unpadded photo, uint8 [h, w, 3], longest side ``img_size``.
            view: where the photo lies in its scene; a scene of its own when not given.

        Returns:
            The image embedding, float32 [1, channels, rows, columns].

        Raises:
            PedbenchError: the frame is not one, or the policy cannot serve so many shards.
        """
        return self._encode(self._request(frame, view))

    def encode_many(
        self, frames: Iterable[NDArray[np.uint8]], *, in_flight: int = 2
    ) -> Iterator[Tensor]:
        """Encode frames, each a scene of its own, with several under way at once.

        While servers work on one, the edge works on another: worth it where servers are other
        machines. ``traffic`` and ``observation`` are those of the frame begun last.

        Args:
            frames: as for a single one; taken as they are needed.
            in_flight: how many are under way at most.

        Yields:
            The image embeddings, in the order of the frames.

        Raises:
            PedbenchError: as for a single frame; or ``in_flight`` is less than 1.
        """
        if in_flight < 1:
            raise PedbenchError(f"{in_flight} pictures in flight: give at least 1")
        running: deque[Future[Tensor]] = deque()
        with ThreadPoolExecutor(in_flight) as pool:
            for frame in frames:
                if len(running) == in_flight:
                    yield running.popleft().result()
                running.append(pool.submit(self._encode, self._request(frame)))
            while running:
                yield running.popleft().result()

    def _request(self, frame: NDArray[np.uint8], view: View | None = None) -> _Request:
        """A numbered request for a frame; its recording becomes the last one."""
        side = self.sam.arch.img_size
        if frame.dtype != np.uint8 or frame.shape[2:] != (3,) or max(frame.shape[:2]) != side:
            raise PedbenchError(
                f"the frame is {frame.dtype} {frame.shape}: "
                f"give uint8 [h, w, 3] with longest side {side}"
            )
        grid = WindowGrid.of(self.sam.arch, (frame.shape[0], frame.shape[1]))
        self.shards.bind(self.sam)
        request = _Request(self, frame, grid, view or View.alone(frame), self.requests)
        self.requests += 1
        self.last = request.recording
        return request

    def _encode(self, request: _Request) -> Tensor:
        self.shards.taps.append(request.recording)
        try:
            return request.encode()
        finally:
            self.shards.taps.remove(request.recording)

    @property
    def traffic(self) -> Traffic:
        """Bytes and rounds of the last picture."""
        return self.last.traffic

    def observation(self) -> Observation:
        """Everything all servers together saw of the last picture.

        Raises:
            PedbenchError: no picture was encoded yet.
        """
        arch = self.sam.arch
        grid = self.last.grid
        if grid is None:
            raise PedbenchError("nothing was observed yet: call set_image first")
        return Observation(
            img_size=arch.img_size,
            patch_size=arch.patch_size,
            window_size=arch.window_size,
            frame_size=grid.frame_size,
            n_shards=self.shards.count,
            shards=tuple(range(self.shards.count)),
            plan=self.plan.name,
            payload=str(self.payload),
            messages=tuple(self.last.messages),
        )


class Recording:
    """A tap that keeps the messages of one picture, whatever else crosses meanwhile."""

    def __init__(
        self, grid: WindowGrid | None = None, view: View | None = None, number: int = 0
    ) -> None:
        self.grid = grid
        self.view = view
        self.number = number
        self.messages: list[WindowMessage] = []
        self.image_bytes_down = 0

    def __call__(self, message: WindowMessage) -> None:
        if message.frame == self.number:
            self.messages.append(message)

    @property
    def traffic(self) -> Traffic:
        """Totals over the messages."""
        returned = [m.returned.nbytes for m in self.messages if m.returned is not None]
        return Traffic(
            bytes_up=sum(m.sent.nbytes for m in self.messages),
            bytes_down=sum(returned) + self.image_bytes_down,
            rounds=len({m.round for m in self.messages}),
        )


class _Request:
    """One picture's way through the plan."""

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
        self.round = 0

    @torch.inference_mode()
    def encode(self) -> Tensor:
        runtime = self.encoder.sam.runtime
        if self.encoder.plan.steps[0].place is Place.SERVER:
            return self._centralized(self.encoder.plan.steps[0])
        if self.encoder.plan.rounds:
            count = self.encoder.shards.count
            self.owners = self.encoder.policy.assign(self.grid, count, self.number)
        tokens = self._embed()
        for step in self.encoder.plan.steps:
            if step.place is Place.SHARDS:
                tokens = self._on_shards(step, tokens)
            else:
                tokens = runtime.maps(step.blocks, tokens)
        return runtime.neck(tokens)

    def _embed(self) -> Tensor:
        sam = self.encoder.sam
        image = torch.as_tensor(self.frame, device=sam.device).permute(2, 0, 1)[None]
        return sam.runtime.embed(sam.preprocess(image).to(sam.image_encoder.pos_embed.dtype))

    def _on_shards(self, step: Step, tokens: Tensor) -> Tensor:
        if self.round == 0 and self.encoder.payload.first == PIXELS:
            payloads = self._pixel_payloads()
        else:
            payloads = self._token_payloads(tokens[0])
        answers = self.encoder.shards.exchange(self._trip(step), self.owners, payloads)
        self.round += 1
        windows = [torch.as_tensor(answer.decode()).to(tokens) for answer in answers]
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
        protect, codec = self.encoder.defence.protect, self.encoder.payload.tokens
        return [
            encode_tokens(protect(window.float().cpu().numpy(), self.rng), codec)
            for window in cut(tokens, self.grid)
        ]
