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
    """Dead, hung, cut off, busy or unwilling: the windows may go to another server."""


class ShardRefused(ShardError):
    """Wrong weights, protocol or certificate, by the edge's own judgement.

    At the first meeting that is a mistake in the set-up, of which the user is told; later the
    windows go to another server.
    """


class BadAnswer(ShardError):
    """NaN, a wrong shape, another window's or an old answer: the server is quarantined."""
