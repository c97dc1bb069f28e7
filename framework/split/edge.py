"""The trusted edge: cuts, sends, merges, and runs what no shard may see."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from segment_anything.modeling import Sam
from torch import Tensor

from framework.compute.finite import check_finite
from framework.errors import PedbenchError
from framework.exposure.guard import Guard
from framework.exposure.scene import View
from framework.models.interop.adopt import adopt
from framework.split.defences.base import Defence, make_defence
from framework.split.observation import Observation
from framework.split.payload import PayloadSpec
from framework.split.plans import Plan, make_plan
from framework.split.policies.base import POLICIES, Policy
from framework.split.policies.key import seed_of, user_key
from framework.split.recording import Recording, Traffic
from framework.split.request import Request, Session, encode
from framework.split.windows import WindowGrid
from framework.transport.base import Shards


class DistributedEncoder:
    """SAM's image encoder, shared out over servers.

    Args:
        sam: the model, any `segment_anything` SAM; the edge holds all of it.
        shards: the servers; in-process ones are given the same weights.
        plan: name of the split plan.
        policy: an assignment policy or its name.
        payload: name of the payload.
        defence: a defence or its name.
        seed: of the defence's noise and decoys; when not given, noise is drawn from the system,
            and decoys from the key of policies.
        policy_key: secret by which ``sticky`` deals each scene alike for ever; when not given, that
            of the guard's ledger, else the user's (`framework.split.policies.key.user_key`).

    Raises:
        PedbenchError: unknown plan, policy, payload or defence; a key without a policy for it; a
            seed below 0.
    """

    def __init__(
        self,
        sam: Sam,
        shards: Shards,
        *,
        plan: str = "interleaved",
        policy: str | Policy = "sticky",
        payload: str = "float32",
        defence: str | Defence = "none",
        seed: int | None = None,
        policy_key: bytes | None = None,
    ) -> None:
        if seed is not None and seed < 0:
            raise PedbenchError(f"seed {seed}: give 0 or more")
        self.sam = adopt(sam)
        self.shards = shards
        self.plan: Plan = make_plan(plan, self.sam.arch)
        self.policy = POLICIES.get(policy)() if isinstance(policy, str) else policy
        self.payload = PayloadSpec.parse(payload)
        self.defence = make_defence(defence) if isinstance(defence, str) else defence
        self.defence.bind(self.sam, self.plan.name)
        if policy_key is not None and not self.policy.keyed:
            raise PedbenchError("a policy key is for policies that keep one: give policy 'sticky'")
        self._policy_key = policy_key
        self._seeded = seed is not None
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
            PedbenchError: the frame is not one, the policy cannot serve so many shards, or the
                embedding is not finite (`framework.compute.finite.NotFinite`).
        """
        return self._encode([self._request(frame, view)])

    def encode_many(
        self, frames: Iterable[NDArray[np.uint8]], *, in_flight: int = 2
    ) -> Iterator[Tensor]:
        """Encode frames, each a scene of its own, with several under way at once.

        While servers work on one, the edge works on another. Where shards are of this process,
        there is nothing to wait for, and frames are encoded one after the other. ``traffic`` and
        ``observation`` are those of the frame begun last.

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
        running: deque[tuple[Request, Future[Tensor]]] = deque()
        with self.shards.line(in_flight) as pool:
            try:
                for frame in frames:
                    if len(running) == in_flight:
                        yield running[0][1].result()
                        running.popleft()
                    request = self._request(frame)
                    running.append((request, pool.submit(self._encode, [request])))
                while running:
                    yield running[0][1].result()
                    running.popleft()
            finally:
                for request, _ in running:
                    request.abort.now()

    def encode_batch(
        self, frames: Sequence[NDArray[np.uint8]], views: Sequence[View] | None = None
    ) -> Tensor:
        """Encode frames together: the edge runs its blocks on all of them at once.

        It suits a GPU with memory for so many. Equal to one after the other up to rounding.
        ``traffic`` and ``observation`` are those of the last frame.

        Args:
            frames: as for a single one, at least one; their shapes may differ.
            views: of each frame; scenes of their own when not given.

        Returns:
            The image embeddings, float32 [frames, channels, rows, columns].

        Raises:
            PedbenchError: as for a single frame; or there is none; or not one view a frame.
        """
        if not frames:
            raise PedbenchError("no frames to encode: give at least one")
        if views is not None and len(views) != len(frames):
            raise PedbenchError(f"{len(views)} views of {len(frames)} frames: give one a frame")
        given: Sequence[View | None] = views or [None] * len(frames)
        return self._encode(list(map(self._request, frames, given)))

    def _request(self, frame: NDArray[np.uint8], view: View | None = None) -> Request:
        """A numbered request for a frame; its recording becomes the last one."""
        side = self.sam.arch.img_size
        if frame.dtype != np.uint8 or frame.shape[2:] != (3,) or max(frame.shape[:2]) != side:
            raise PedbenchError(
                f"the frame is {frame.dtype} {frame.shape}: "
                f"give uint8 [h, w, 3] with longest side {side}"
            )
        grid = WindowGrid.of(self.sam.arch, (frame.shape[0], frame.shape[1]))
        self.shards.bind(self.sam)
        view = self._recognise(view or View.alone(frame))
        request = Request(self._session(), frame, grid, view, self.requests)
        self.requests += 1
        self.last = request.recording
        return request

    def _session(self) -> Session:
        return Session(
            sam=self.sam,
            shards=self.shards,
            plan=self.plan,
            policy=self.policy,
            payload=self.payload,
            defence=self.defence,
            seed=self.seed,
            name=self.session,
            policy_key=self.policy_key,
            decoy_seed=self.decoy_seed,
        )

    @cached_property
    def _met(self) -> Guard:
        """Remembers the scenes of this session where no guard does."""
        return Guard()

    def _recognise(self, view: View) -> View:
        """The view in the scene under which it is counted, or dealt out."""
        guard = self.shards.guard
        if self.plan.rounds and guard is not None:
            return guard.recognise(view)
        if self.plan.rounds and self.policy.keyed:
            return self._met.recognise(view, tell=False)
        return view

    def policy_key(self) -> bytes:
        """The secret key of policies.

        Raises:
            PedbenchError: the ledger has another than was given, or a key cannot be read.
        """
        given, guard = self._policy_key, self.shards.guard
        key = user_key if given is None else (lambda: given)
        if guard is None or guard.ledger.counter is None:
            return key()
        return guard.ledger.policy_key(key, insist=given is not None)

    def decoy_seed(self) -> int:
        """Seed of the decoys, the same in every process: two sets would tell what is real."""
        return self.seed if self._seeded else seed_of(self.policy_key(), "decoys")

    def _encode(self, requests: Sequence[Request]) -> Tensor:
        taps = self.shards.taps
        taps.extend(request.recording for request in requests)
        try:
            embeddings = encode(requests)
        finally:
            for request in requests:
                taps.remove(request.recording)
        check_finite(embeddings, "the image embedding", self.sam)
        return embeddings

    @property
    def traffic(self) -> Traffic:
        """Bytes and rounds of the last picture."""
        return self.last.traffic

    def observation(self, *, decoys: bool = True) -> Observation:
        """Everything all servers together saw of the last picture.

        Args:
            decoys: False leaves out what the edge alone knows to be decoys: for scoring, never
                for an attack.

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
            messages=tuple(self.last.messages if decoys else self.last.real),
        )
