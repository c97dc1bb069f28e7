"""How long the edge waits for a server, and when it asks one again that has failed."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from framework.errors import PedbenchError

RECENT = 16
"""Calls of a server that its next deadline is taken from."""


@dataclass(frozen=True)
class Patience:
    """How long the edge waits for a server.

    Attributes:
        deadline: seconds for one server's part of a round, at most.
        floor: seconds that a deadline never falls below, however fast a server was.
        slack: how many times as long as of late a server may take.
        hello: seconds for a server to say what it serves.
        tries: calls to a server that is unreachable or busy, before it is given up for now.
        pause: seconds before the second try, doubled for each further one; jittered.
        rest: seconds that a server is left alone after a failure, doubled for each further one;
            with 0 it is asked again with the next picture.
        longest_rest: at most.
        lost: share of the time that a server which keeps failing may cost.

    Raises:
        PedbenchError: no time, or no try; a length of time is negative.
    """

    deadline: float = 60.0
    floor: float = 5.0
    slack: float = 10.0
    hello: float = 5.0
    tries: int = 3
    pause: float = 0.1
    rest: float = 1.0
    longest_rest: float = 600.0
    lost: float = 0.1

    def __post_init__(self) -> None:
        for name in ("deadline", "hello"):
            seconds = getattr(self, name)
            if not 0 < seconds < math.inf:
                raise PedbenchError(f"a {name} of {seconds:g} s: give more than 0 seconds")
        for name in ("floor", "slack", "pause", "rest", "longest_rest"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise PedbenchError(f"a {name} of {value:g}: give 0 or more")
        if not 0 < self.lost <= 1:
            raise PedbenchError(f"{self.lost:g} of the time lost: give a share above 0, to 1")
        if self.tries < 1:
            raise PedbenchError(f"{self.tries} tries: give at least 1")


class Breaker:
    """Sets a server aside that keeps failing; after a rest a request may try it.

    One success makes it a server like any other again.

    Args:
        patience: how long the rests are.
        clock: in seconds.

    Attributes:
        failures: since it last did its part.
    """

    def __init__(self, patience: Patience, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience = patience
        self.clock = clock
        self.failures = 0
        self._rest_until = 0.0
        self._trying = False
        self._lock = threading.Lock()

    @property
    def admits(self) -> bool:
        """Whether a request may go to the server now."""
        rested = self.clock() >= self._rest_until
        return not self.failures or (rested and not self._trying)

    def begin(self) -> None:
        """A request goes to the server."""
        with self._lock:
            self._trying = self.failures > 0

    def end(self) -> None:
        """The request ended without telling anything about the server."""
        with self._lock:
            self._trying = False

    def succeed(self) -> None:
        """The server did its part."""
        with self._lock:
            self.failures, self._trying = 0, False

    def fail(self, seconds: float) -> None:
        """The server failed, and cost so much time.

        From the second failure in a row its rest is long enough that all its failures together
        cost no more than their share of the time.
        """
        patience = self.patience
        with self._lock:
            self.failures, self._trying = self.failures + 1, False
            rest = patience.rest * 2 ** min(self.failures - 1, 16)
            if patience.rest and self.failures > 1:
                rest = max(rest, seconds / patience.lost)
            self._rest_until = self.clock() + min(rest, patience.longest_rest)


class Pace:
    """How long servers took of late, and so how long the next call may take.

    Work is counted in blocks times windows. A server that nothing is known of yet is measured by
    the others.
    """

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._lock = threading.Lock()
        self._recent: defaultdict[tuple[bool, int], deque[tuple[float, int]]] = defaultdict(
            lambda: deque(maxlen=RECENT)
        )

    def note(self, shard: int, whole_image: bool, work: int, seconds: float) -> None:
        """A server did so much work in so many seconds, on a whole image or on windows."""
        with self._lock:
            self._recent[whole_image, shard].append((seconds, work))

    def deadline(self, shard: int, whole_image: bool, work: int, failures: int) -> float:
        """Seconds for a call; doubled for each failure, so that slow is not taken for dead."""
        with self._lock:
            known = list(self._recent.get((whole_image, shard), ()))
            if not known:
                others = [calls for (kind, _), calls in self._recent.items() if kind == whole_image]
                known = [call for calls in others for call in calls]
        if not known:
            return self.patience.deadline
        slowest = max(seconds * max(1.0, work / done) for seconds, done in known)
        usual = max(self.patience.floor, self.patience.slack * slowest)
        return min(self.patience.deadline, usual * 2 ** min(failures, 16))
