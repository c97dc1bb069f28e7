"""Windows of several sessions, computed in one batch while the processor is busy with another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from framework.split.payload import Payload
from framework.transport.round import Round

Owner = TypeVar("Owner")
Answers: TypeAlias = dict[int, Payload]

MOST_WINDOWS = 64
"""Of one batch, so that a small request does not wait for many large ones."""


@dataclass(eq=False)
class Waiting(Generic[Owner]):
    """A request in the queue, and whose it is."""

    round: Round
    windows: Mapping[int, Payload]
    owner: Owner
    answers: asyncio.Future[Answers] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Gather(Generic[Owner]):
    """A queue in front of the processor: what waits with the same blocks is computed together.

    Nothing waits for company: a request that finds the processor idle is computed at once.

    Args:
        compute: serves several rounds that run the same blocks.
        most: windows of one batch; a single request may have more.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Waiting[Owner]]], Awaitable[list[Answers]]],
        most: int = MOST_WINDOWS,
    ) -> None:
        self.compute = compute
        self.most = most
        self.queue: deque[Waiting[Owner]] = deque()
        self.working: asyncio.Task[None] | None = None

    async def serve(self, round_: Round, windows: Mapping[int, Payload], owner: Owner) -> Answers:
        """The answers to one request; whatever its computation raises is raised here."""
        waiting = Waiting(round_, windows, owner)
        self.queue.append(waiting)
        if self.working is None or self.working.done():
            self.working = asyncio.ensure_future(self._work())
        return await waiting.answers

    async def _work(self) -> None:
        while batch := self._next():
            try:
                found = await self.compute(batch)
            except Exception as error:
                if len(batch) > 1:
                    await self._one_by_one(batch)
                else:
                    self._fail(batch[0], error)
                continue
            for one, answers in zip(batch, found, strict=True):
                if not one.answers.done():
                    one.answers.set_result(answers)

    async def _one_by_one(self, batch: Sequence[Waiting[Owner]]) -> None:
        """Whose request fails must not fail the others'."""
        for one in batch:
            try:
                [answers] = await self.compute([one])
            except Exception as error:
                self._fail(one, error)
            else:
                if not one.answers.done():
                    one.answers.set_result(answers)

    def _fail(self, one: Waiting[Owner], error: Exception) -> None:
        if not one.answers.done():
            one.answers.set_exception(error)

    def _next(self) -> list[Waiting[Owner]]:
        """The oldest request, and younger ones with the same blocks as far as they fit."""
        asked = [one for one in self.queue if not one.answers.done()]
        if not asked:
            self.queue.clear()
            return []
        batch, windows = [asked[0]], len(asked[0].windows)
        for one in asked[1:]:
            if (
                one.round.blocks == asked[0].round.blocks
                and windows + len(one.windows) <= self.most
            ):
                batch.append(one)
                windows += len(one.windows)
        self.queue = deque(one for one in asked if one not in batch)
        return batch
