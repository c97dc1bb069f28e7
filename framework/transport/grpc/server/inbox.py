"""The windows of one call on their way from the wire to the processor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from google.protobuf.message import DecodeError

from framework.split.payload import Payload
from framework.transport.grpc.protocol.checks import Call
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.wire import WireError

BATCH = 16
"""Windows computed in one go, at most."""

Reader = Callable[[pb.Request], tuple[int, Payload]]


class Idle(Exception):
    """The client sent nothing for too long."""


async def next_message(stream: AsyncIterator[pb.Request], seconds: float) -> pb.Request | None:
    """The next message, or nothing at the end of the stream.

    Raises:
        WireError: what came is no message.
        Idle: it did not come in time.
    """
    try:
        return await asyncio.wait_for(anext(stream), seconds)
    except StopAsyncIteration:
        return None
    except DecodeError as error:
        raise WireError("a message is not of the protocol") from error
    except asyncio.TimeoutError as error:
        raise Idle(f"nothing came for {seconds:g} s") from error


class Inbox:
    """Reads windows while earlier ones are computed.

    Messages are read only while fewer than ``waiting`` windows wait; beyond that gRPC's flow
    control holds the sender back.

    Args:
        stream: what follows the opening.
        call: the opening.
        read: checks one message.
        waiting: windows that may wait.
        idle_seconds: how long nothing may come.
    """

    def __init__(
        self,
        stream: AsyncIterator[pb.Request],
        call: Call,
        read: Reader,
        waiting: int,
        idle_seconds: float,
    ) -> None:
        self.stream = stream
        self.call = call
        self.read = read
        self.idle_seconds = idle_seconds
        self.queue: asyncio.Queue[tuple[int, Payload] | None] = asyncio.Queue(waiting)
        self.seen: set[int] = set()
        self.error: Exception | None = None
        self.ended = False

    async def fill(self) -> None:
        """Read to the end of the stream; what goes wrong is raised by `batch`, after the rest."""
        try:
            await self._read_all()
        except Exception as error:
            self.error = error
        await self.queue.put(None)

    async def _read_all(self) -> None:
        while (message := await next_message(self.stream, self.idle_seconds)) is not None:
            index, payload = self.read(message)
            if index in self.seen or len(self.seen) == self.call.windows:
                raise WireError(f"window {index} comes twice or was not announced")
            self.seen.add(index)
            await self.queue.put((index, payload))
        if len(self.seen) != self.call.windows:
            raise WireError(f"{self.call.windows} windows were announced and {len(self.seen)} came")

    async def batch(self, most: int = BATCH) -> dict[int, Payload]:
        """What has come by now, at least one window; empty at the end.

        Raises:
            WireError: a message is malformed, a window comes twice, or their number is not the
                announced one.
            Idle: the client went silent.
        """
        found: dict[int, Payload] = {}
        while not self.ended and len(found) < most:
            if found and self.queue.empty():
                break
            entry = await self.queue.get()
            if entry is None:
                self.ended = True
            else:
                found[entry[0]] = entry[1]
        if not found and self.error is not None:
            raise self.error
        return found
