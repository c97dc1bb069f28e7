"""What the edge knows of its servers, and how it reaches them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Literal, Protocol

from framework.errors import PedbenchError
from framework.exposure.guard import Guard
from framework.models.build import PedSam
from framework.split.observation import WindowMessage
from framework.split.payload import Payload
from framework.transport.patience import Breaker, Patience
from framework.transport.round import Round
from framework.transport.stage import WindowStage

Answers = dict[int, Payload]
"""What one server makes of its windows: index → result."""

Asked = Mapping[int, Mapping[int, Payload]]
"""Server → the windows it is to compute."""

Fallback = Literal["edge", "fail"]
"""What becomes of a window that no server may or can take."""


class Tap(Protocol):
    """Receives every message that crosses the boundary."""

    def __call__(self, message: WindowMessage) -> None: ...


class Servers(ABC):
    """Servers that run window blocks.

    Args:
        count: number of servers.
        guard: what may leave, by exposure so far; everything may without one.
        fallback: ``edge`` computes what no server may or can take; ``fail`` raises an error.
        retries: how many more servers a window may be sent to after the first one failed.
        spot_checks: share of the windows that the edge computes as well, to compare, 0 to 1.

    Attributes:
        names: of the servers in the exposure ledger; by default ``shard-0``, ``shard-1``, ….
        overhearing: parties, by name in the ledger, that see all that any server is sent.
        quarantined: servers that answered wrongly, with the reason; they are not asked again.
        breakers: of each server: whether it is set aside for now, because it keeps failing.
        stage: the edge's own window blocks, for what stays at home and for spot checks.

    Raises:
        PedbenchError: a number is out of range.
    """

    stage: WindowStage

    def __init__(
        self,
        count: int,
        *,
        guard: Guard | None = None,
        fallback: Fallback = "edge",
        retries: int = 2,
        spot_checks: float = 0.0,
    ) -> None:
        if count < 1:
            raise PedbenchError(f"{count} shards: give at least 1")
        if fallback not in ("edge", "fail"):
            raise PedbenchError(f"unknown fallback '{fallback}': known are edge, fail")
        if retries < 0:
            raise PedbenchError(f"{retries} retries: give at least 0")
        if not 0 <= spot_checks <= 1:
            raise PedbenchError(f"spot checks of {spot_checks}: give a share of 0 to 1")
        self.count = count
        self.guard = guard
        self.fallback = fallback
        self.retries = retries
        self.spot_checks = spot_checks
        self.names: Sequence[str] = [f"shard-{shard}" for shard in range(count)]
        self.overhearing: Sequence[str] = ()
        self.taps: list[Tap] = []
        self.quarantined: dict[int, str] = {}
        self.breakers = [Breaker(Patience(rest=0.0)) for _ in range(count)]

    @property
    def places(self) -> Sequence[str]:
        """Where the servers are, known before they answer; their names if that is all there is."""
        return self.names

    def bind(self, sam: PedSam) -> None:
        """Take the edge's model; called before each picture. Remote servers hold their own."""
        self.stage = WindowStage(sam)

    def knows(self, shard: int) -> bool:
        """Whether it is certain which server that is; else it is sent nothing."""
        return True

    def pool(self) -> Executor:
        """Runs `_serve` of several servers at once, for one round."""
        return ThreadPoolExecutor(self.count)

    def line(self, in_flight: int) -> Executor:
        """Runs so many requests at once, each with rounds of its own."""
        return ThreadPoolExecutor(in_flight)

    def _ask(self, pool: Executor, round_: Round, windows: Asked) -> dict[int, Future[Answers]]:
        """Ask several servers for their parts of a round: server → what it will answer."""
        return {
            shard: pool.submit(self._serve, round_, shard, payloads)
            for shard, payloads in windows.items()
        }

    @abstractmethod
    def _serve(
        self, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> dict[int, Payload]:
        """One server's part of a round: its windows → their results.

        Called from several threads at once, also for one server. What it returns is checked by
        the caller. It ends at once when ``round_.abort`` is thrown.

        Raises:
            ShardUnavailable: the windows go to another server, caps permitting.
            ShardRefused: the same.
            BadAnswer: the same, and the server is quarantined.
            Aborted: the request was given up.
        """

    @abstractmethod
    def _encode_image(self, round_: Round, shard: int, payloads: Sequence[Payload]) -> Payload:
        """The image embedding [rows, columns, channels] computed by one server; raises alike."""
