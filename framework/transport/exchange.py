"""One round as the edge conducts it: guard, send, check, fail over, record."""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any

from framework.compute.finite import not_finite
from framework.errors import PedbenchError
from framework.split.observation import WindowMessage
from framework.split.payload import Payload
from framework.transport.answers import (
    Unbounded,
    bounded,
    check_payload,
    check_windows,
    differs,
    finite,
)
from framework.transport.faults import BadAnswer, ShardError
from framework.transport.round import HOME, Round
from framework.transport.serve import serve_image, serve_windows
from framework.transport.servers import Servers

log = logging.getLogger(__name__)
chance = secrets.SystemRandom()

CAPPED = "the exposure caps forbid more"
FAILED_BEFORE = "every server has failed in this request, is set aside for a while or quarantined"


class InTurn(Executor):
    """Runs each call at once, in the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The call's outcome, which is there already."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(eq=False)
class Attempt:
    """Windows that were sent to one server in one go.

    Attributes:
        turn: for each window whose answer is wanted, how often it had been sent before in this
            round.
        sent: all that left, decoys included, by window.
        future: what the server made of them.
        answers: what came back and passed the checks, by window.
        answered: whether something did.
        begun: when it left, in seconds of the monotonic clock.
    """

    shard: int
    turn: dict[int, int]
    sent: Mapping[int, Payload]
    future: Future[Any] = field(init=False)
    answers: Mapping[int, Payload] = field(default_factory=dict)
    answered: bool = False
    begun: float = field(default_factory=time.monotonic)


class Exchange:
    """One round on its way.

    The guard, the taps and the state kept here are touched by the calling thread alone; the pool's
    threads do nothing but serve.

    Args:
        decoys: what goes along with the first windows that a server gets, by server and window;
            checked like the rest when it comes back, and dropped.
    """

    def __init__(
        self,
        shards: Servers,
        round_: Round,
        payloads: Sequence[Payload],
        decoys: Mapping[int, Mapping[int, Payload]] | None = None,
    ) -> None:
        self.shards = shards
        self.round = replace(round_, servers=tuple(shards.names))
        self.payloads = payloads
        self.decoys = dict(decoys or {})
        self.attempts: list[Attempt] = []
        self.running: dict[Future[Any], Attempt] = {}
        self.sends: Counter[int] = Counter()
        self.home: list[int] = []
        self.results: dict[int, Payload] = {}

    def windows(self, owners: Sequence[int]) -> list[Payload]:
        """The results of all windows, each computed by its owner if that is possible."""
        held = _grouped(zip(owners, range(len(owners)), strict=True))
        self.home = held.pop(HOME, [])
        lost = [w for shard in list(held) if not self._usable(shard) for w in held.pop(shard)]
        self._refuse_exceeded()
        try:
            with self.shards.pool() as pool, self.round.abort.on_error():
                capped = self._send(pool, held, all_or_none=self.shards.fallback == "fail")
                self._stay(capped, CAPPED)
                self._elsewhere(pool, lost, FAILED_BEFORE)
                self._compute()
                while self.running:
                    wait(self.running, return_when=FIRST_COMPLETED)
                    for future in [f for f in self.running if f.done()]:
                        self._collect(pool, future)
                    self._compute()
        finally:
            for attempt in self.running.values():
                self.shards.breakers[attempt.shard].end()
            self._record()
        return [self.results[window] for window in range(len(owners))]

    def image(self) -> Payload:
        """The image embedding, from the first server that can give it, else from the edge."""
        self._refuse_exceeded()
        try:
            with self.shards.pool() as pool, self.round.abort.on_error():
                answer, reason = self._first_image(pool)
            if answer is None:
                self._stay(range(len(self.payloads)), reason)
                answer = serve_image(self.shards.stage, self.round, self.payloads)
            return answer
        finally:
            self._record()

    def _first_image(self, pool: Executor) -> tuple[Payload | None, str]:
        """The embedding from the first server that can give it, or why none can."""
        everything, reason = range(len(self.payloads)), FAILED_BEFORE
        for shard in filter(self._usable, range(self.shards.count)):
            if len(self.attempts) > self.shards.retries:
                break
            if not self._admit({shard: everything}, all_or_none=True):
                return None, CAPPED
            attempt = self._attempt(shard, everything, dict(enumerate(self.payloads)))
            try:
                future = pool.submit(self.shards._encode_image, self.round, shard, self.payloads)
                answer = self._checked_image(shard, future.result())
                attempt.answered = True
                self.shards.breakers[shard].succeed()
                return answer, ""
            except ShardError as error:
                reason = self._blame(attempt, error)
            finally:
                self.shards.breakers[shard].end()
        return None, reason

    def _send(
        self, pool: Executor, held: Mapping[int, Sequence[int]], all_or_none: bool
    ) -> list[int]:
        """Send to each server what the guard admits; returns the windows that it does not."""
        admitted = self._admit(held, all_or_none)
        if not admitted:
            return [window for windows in held.values() for window in windows]
        attempts = {
            shard: self._attempt(shard, windows, self._beside_decoys(shard, windows))
            for shard, windows in admitted.items()
        }
        payloads = {shard: attempt.sent for shard, attempt in attempts.items()}
        for shard, future in self.shards._ask(pool, self.round, payloads).items():
            attempts[shard].future = future
            self.running[future] = attempts[shard]
        gone = {window for windows in admitted.values() for window in windows}
        return [window for windows in held.values() for window in windows if window not in gone]

    def _beside_decoys(self, shard: int, windows: Sequence[int]) -> Mapping[int, Payload]:
        """What leaves for a server that is sent ``windows``, in window order."""
        wanted = {window: self.payloads[window] for window in windows}
        return dict(sorted({**self.decoys.pop(shard, {}), **wanted}.items()))

    def _admit(
        self, held: Mapping[int, Sequence[int]], all_or_none: bool
    ) -> Mapping[int, Sequence[int]]:
        """Enter in the ledger what may leave: the last thing that happens before it does."""
        if self.shards.guard is None or not held:
            return held
        names = self.round.servers
        wanted = {names[shard]: windows for shard, windows in held.items()}
        admitted = self.shards.guard.admit(
            self.round, wanted, all_or_none=all_or_none, overhearing=self.shards.overhearing
        )
        return {shard: admitted[names[shard]] for shard in held if names[shard] in admitted}

    def _refuse_exceeded(self) -> None:
        """Without the edge's help, begin no picture of a scene whose caps are exceeded already."""
        guard, view = self.shards.guard, self.round.view
        begun = self.round.index > 0 or self.shards.fallback != "fail"
        if guard is None or view is None or begun:
            return
        excess = guard.exceeded(view)
        if excess:
            raise PedbenchError(
                f"caps of scene '{view.scene}' are exceeded already: {excess}; "
                "raise the caps or choose fallback 'edge'"
            )

    def _attempt(self, shard: int, windows: Sequence[int], sent: Mapping[int, Payload]) -> Attempt:
        attempt = Attempt(shard, {window: self.sends[window] for window in windows}, sent)
        self.attempts.append(attempt)
        self.shards.breakers[shard].begin()
        self.sends.update(windows)
        return attempt

    def _collect(self, pool: Executor, future: Future[Any]) -> None:
        """Take a server's answers, or its windows elsewhere."""
        attempt = self.running[future]
        try:
            answers = self._checked(attempt, future.result())
        except ShardError as error:
            reason = self._blame(attempt, error)
            del self.running[future]
            self._elsewhere(pool, list(attempt.turn), reason)
        else:
            del self.running[future]
            self.shards.breakers[attempt.shard].succeed()
            attempt.answers, attempt.answered = answers, True
            self.results.update({window: answers[window] for window in attempt.turn})

    def _blame(self, attempt: Attempt, error: ShardError) -> str:
        """Remember that a server failed: others may do its part."""
        if isinstance(error, BadAnswer):
            self.shards.quarantined[error.shard] = str(error)
        else:
            self.round.lost.add(error.shard)
        self.shards.breakers[attempt.shard].fail(time.monotonic() - attempt.begun)
        log.warning("%s", error)
        return str(error)

    def _usable(self, shard: int) -> bool:
        known = shard not in self.shards.quarantined and self.shards.knows(shard)
        lost = shard in self.round.lost
        return known and not lost and self.shards.breakers[shard].admits

    def _elsewhere(self, pool: Executor, windows: Sequence[int], reason: str) -> None:
        """Spread windows over the servers that are left, as far as the caps allow."""
        left = [w for w in windows if self.sends[w] <= self.shards.retries]
        self._stay([w for w in windows if w not in left], reason)
        servers = [shard for shard in range(self.shards.count) if self._usable(shard)]
        for turn in range(len(servers)):
            if not left:
                break
            dealt = ((servers[(i + turn) % len(servers)], w) for i, w in enumerate(left))
            left = self._send(pool, _grouped(dealt), all_or_none=False)
        self._stay(left, reason)

    def _stay(self, windows: Sequence[int], reason: str) -> None:
        """Leave windows to the edge, if the user lets it."""
        if windows and self.shards.fallback == "fail":
            raise PedbenchError(
                f"{len(windows)} windows can go to no server ({reason}) and the edge may not "
                "compute them: mend the servers, raise the caps or choose fallback 'edge'"
            )
        self.home.extend(windows)

    def _compute(self) -> None:
        """Compute on the edge what stays there, from the same payloads as a server would."""
        if self.home:
            payloads = {window: self.payloads[window] for window in sorted(self.home)}
            self.results.update(serve_windows(self.shards.stage, self.round, payloads))
            self.home = []

    def _checked(self, attempt: Attempt, answers: Mapping[int, Payload]) -> Mapping[int, Payload]:
        """A server's answers, if nothing is wrong with them.

        What is absurd in them is computed here as well: where the model itself gives no better, the
        server is not at fault.
        """
        stage, grid = self.shards.stage, self.round.grid.windows
        shapes = {w: (grid[w].height, grid[w].width, stage.width) for w in attempt.sent}
        try:
            check_windows(attempt.shard, answers, shapes, self.round.codec)
        except Unbounded as fault:
            own = serve_windows(stage, self.round, {w: attempt.sent[w] for w in fault.windows})
            self._attribute(fault, own.values())
            answers = {**answers, **own}
        sample = [w for w in attempt.sent if chance.random() < self.shards.spot_checks]
        if sample:
            own = serve_windows(stage, self.round, {w: attempt.sent[w] for w in sample})
            wrong = [w for w in sample if differs(answers[w], own[w])]
            if wrong:
                raise _miscomputed(attempt.shard, f"windows {wrong}")
        return answers

    def _checked_image(self, shard: int, answer: Payload) -> Payload:
        """As `_checked`, for the image embedding."""
        side, stage = self.round.grid.tokens_per_side, self.shards.stage
        shape = (side, side, stage.image_width)
        try:
            check_payload(shard, answer, shape, self.round.codec, "the embedding")
        except Unbounded as fault:
            own = serve_image(stage, self.round, self.payloads)
            self._attribute(fault, [own])
            return own
        if chance.random() < self.shards.spot_checks and differs(
            answer, serve_image(stage, self.round, self.payloads)
        ):
            raise _miscomputed(shard, "the embedding")
        return answer

    def _attribute(self, fault: Unbounded, own: Collection[Payload]) -> None:
        """Whose fault absurd values are, by the edge's own results in the same places.

        Raises:
            NotFinite: the edge's are not finite either.
            Unbounded: the edge's are sound, and the server's are not.
        """
        if not all(map(finite, own)):
            raise not_finite("the encoder's result", self.shards.stage.sam) from fault
        if any(map(bounded, own)):
            raise fault

    def _record(self) -> None:
        """Tell the taps of every window of every attempt: first sends first, in window order.

        Nothing in a message or in their order tells a decoy from a real window.
        """
        order = sorted(
            (a.turn.get(window, 0), window, a.shard, i)
            for i, a in enumerate(self.attempts)
            for window in a.sent
        )
        round_ = self.round
        for _, window, _, i in order:
            attempt = self.attempts[i]
            message = WindowMessage(
                round_.request,
                round_.index,
                round_.blocks[0],
                attempt.shard,
                window,
                attempt.sent[window],
                attempt.answers.get(window),
                attempt.answered,
            )
            for tap in tuple(self.shards.taps):
                tap(message)


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """(server, window) → windows by server."""
    held: defaultdict[int, list[int]] = defaultdict(list)
    for shard, window in pairs:
        held[shard].append(window)
    return dict(held)


def _miscomputed(shard: int, what: str) -> BadAnswer:
    return BadAnswer(shard, f"server {shard} computed {what} wrongly: a spot check found it out")
