"""What one client may ask of a server at once and in a minute."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on one client, told apart by its certificate.

    Attributes:
        sessions: calls open at once.
        windows: windows in any minute.
        idle_seconds: how long a call may send nothing.
        call_seconds: how long a call may last.
        waiting: windows of one call that wait for the processor; more are not read until then.
        watches: health streams open at once.
        all_watches: of all clients together.
        idle_connection_seconds: how long a connection may stay without a call.
        connection_seconds: how long one may last; a new one takes its place.
        connections: of all clients together.
        handshake_seconds: how long a new connection may take to introduce itself.
    """

    sessions: int = 8
    windows: int = 60_000
    idle_seconds: float = 30.0
    call_seconds: float = 600.0
    waiting: int = 32
    watches: int = 4
    all_watches: int = 64
    idle_connection_seconds: float = 300.0
    connection_seconds: float = 3600.0
    connections: int = 1024
    handshake_seconds: float = 10.0


class Busy(Exception):
    """A client is at its limit; the text says which."""


class Clients:
    """Counts what each client has open and how many windows it sent.

    Windows are counted by a bucket that holds ``limits.windows`` and refills within a minute.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.clock = clock
        self.open: Counter[str] = Counter()
        self._buckets: dict[str, tuple[float, float]] = {}

    @contextmanager
    def session(self, client: str) -> Iterator[None]:
        """Hold one of the client's sessions.

        Raises:
            Busy: all are taken.
        """
        if self.open[client] >= self.limits.sessions:
            raise Busy(f"{self.limits.sessions} sessions are open already: close one or wait")
        self.open[client] += 1
        try:
            yield
        finally:
            self.open[client] -= 1
            if not self.open[client]:
                del self.open[client]

    def take(self, client: str, windows: int) -> None:
        """Let a client send so many windows.

        Raises:
            Busy: more than it may within a minute.
        """
        now, most = self.clock(), float(self.limits.windows)
        left, since = self._buckets.get(client, (most, now))
        left = min(most, left + (now - since) * most / 60)
        if windows > left:
            raise Busy(f"at most {self.limits.windows} windows a minute: wait")
        self._forget_full(now)
        self._buckets[client] = (left - windows, now)

    def _forget_full(self, now: float) -> None:
        """Drop clients whose bucket is full again, so that names do not pile up."""
        for name, (_, since) in list(self._buckets.items()):
            if now - since > 60:
                del self._buckets[name]
