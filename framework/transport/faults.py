"""What can go wrong with a server, by what the edge does about it."""

from __future__ import annotations

from framework.errors import PedbenchError


class ShardError(PedbenchError):
    """A server did not do its part of a round.

    Attributes:
        shard: its number.
    """

    def __init__(self, shard: int, message: str) -> None:
        super().__init__(message)
        self.shard = shard


class ShardUnavailable(ShardError):
    """Dead, hung, cut off or busy: the windows may go to another server, caps permitting."""


class ShardRefused(ShardError):
    """Wrong weights, protocol or certificate: a mistake in the set-up that no retry mends."""


class BadAnswer(ShardError):
    """NaN, a wrong shape, another window's or an old answer: the server is quarantined."""
