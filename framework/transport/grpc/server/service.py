"""A shard server's answers: checks what comes, computes in a thread, sends back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

import grpc

from framework.models.build import PedSam
from framework.split.payload import Payload
from framework.transport.grpc.protocol.checks import Call, Foreign, read_opening, read_window
from framework.transport.grpc.protocol.metadata import describe
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.proto import shard_pb2_grpc
from framework.transport.grpc.protocol.wire import WireError, bands, to_message
from framework.transport.grpc.server.gather import Gather, Waiting
from framework.transport.grpc.server.inbox import Idle, Inbox, next_message
from framework.transport.grpc.server.limits import Busy, Clients, Limits
from framework.transport.grpc.server.logs import log
from framework.transport.grpc.server.metrics import Metrics
from framework.transport.serve import serve_image, serve_together
from framework.transport.stage import WindowStage

T = TypeVar("T")
Context: TypeAlias = grpc.aio.ServicerContext
Stream: TypeAlias = AsyncIterator[pb.Request]

CODES = {
    WireError: grpc.StatusCode.INVALID_ARGUMENT,
    Foreign: grpc.StatusCode.FAILED_PRECONDITION,
    Busy: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Idle: grpc.StatusCode.DEADLINE_EXCEEDED,
    asyncio.TimeoutError: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""What a refused call ends with; anything else is ``INTERNAL`` without a word of detail."""


@dataclass
class Work:
    """What one call has cost so far: payload bytes and seconds.

    Attributes:
        compute: of all batches with a part of this call, whoever else was in them.
        wait: until they began.
        asked: when the latest of them was asked for, on the monotonic clock.
    """

    call: Call | None = None
    windows: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    compute: float = 0.0
    wait: float = 0.0
    asked: float = 0.0


class ShardService(shard_pb2_grpc.ShardServicer):
    """The gRPC service over one model.

    Torch runs in one thread of its own, so that health checks and other clients' messages are
    answered while it computes. Windows are computed as they come in: those that arrive during one
    batch make up the next, so that upload, computing and download overlap; those of other calls
    that run the same blocks join it.

    Args:
        sam: the model served.
        limits: bounds on each client.
        metrics: counters.
    """

    def __init__(self, sam: PedSam, limits: Limits, metrics: Metrics) -> None:
        self.sam = sam
        self.stage = WindowStage(sam)
        self.metadata = describe(sam)
        self.clients = Clients(limits)
        self.metrics = metrics
        self.gather: Gather[Work] = Gather(self._together)
        self.processor = ThreadPoolExecutor(1, thread_name_prefix="torch")
        self._draining = False
        self._ended = asyncio.Event()

    async def drain(self, seconds: float) -> None:
        """Take no more calls, and wait for those that run, at most so long."""
        self._draining = True
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._all_ended(), seconds)

    async def _all_ended(self) -> None:
        while self.clients.open:
            self._ended.clear()
            await self._ended.wait()

    async def _refuse_while_draining(self, context: Context) -> None:
        if self._draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "this server is being stopped")

    async def ModelMetadata(self, request: pb.MetadataRequest, context: Context) -> pb.Metadata:
        """What this server computes with."""
        await self._refuse_while_draining(context)
        return self.metadata

    async def RunWindows(self, stream: Stream, context: Context) -> None:
        """Windows in, their results out."""
        await self._call("RunWindows", self._windows, stream, context)

    async def EncodeImage(self, stream: Stream, context: Context) -> None:
        """A whole frame in, its embedding out."""
        await self._call("EncodeImage", self._image, stream, context)

    async def _call(
        self,
        method: str,
        act: Callable[[Stream, Context, Work, str], Awaitable[None]],
        stream: Stream,
        context: Context,
    ) -> None:
        """Bound, time, count and log one call, and turn what goes wrong into a status."""
        await self._refuse_while_draining(context)
        client, work, start = identity(context), Work(), time.monotonic()
        self.metrics.open.inc()
        status = grpc.StatusCode.CANCELLED
        try:
            with self.clients.session(client):
                seconds = self.clients.limits.call_seconds
                await asyncio.wait_for(act(stream, context, work, client), seconds)
            status = grpc.StatusCode.OK
            trailer = (("compute", f"{work.compute:.6f}"), ("wait", f"{work.wait:.6f}"))
            context.set_trailing_metadata(trailer)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            status = CODES.get(type(error), grpc.StatusCode.INTERNAL)
            known = type(error) in CODES and str(error)
            if status is grpc.StatusCode.INTERNAL:
                log("fault", 40, method=method, client=client, error=type(error).__name__)
            await context.abort(status, known or "the call failed on this server")
        finally:
            self._ended.set()
            self.metrics.open.dec()
            self.metrics.calls.labels(method, status.name).inc()
            _log_call(method, client, work, status, time.monotonic() - start)

    async def _open(self, stream: Stream, work: Work, client: str, whole_image: bool) -> Inbox:
        """Accept the opening; the inbox for what follows."""
        limits, arch = self.clients.limits, self.sam.arch
        message = await next_message(stream, limits.idle_seconds)
        if message is None:
            raise WireError("the call ended before its opening")
        call = read_opening(message, arch, self.metadata.weights_sha256, whole_image)
        work.call = call
        self.clients.take(client, call.windows)
        read = partial(read_window, call=call, arch=arch)
        waiting = call.windows + 1 if whole_image else limits.waiting
        return Inbox(stream, call, read, waiting, limits.idle_seconds)

    async def _windows(self, stream: Stream, context: Context, work: Work, client: str) -> None:
        inbox = await self._open(stream, work, client, whole_image=False)
        filling = asyncio.ensure_future(inbox.fill())
        try:
            while batch := await inbox.batch():
                self._received(work, batch.values())
                work.asked = time.monotonic()
                answers = await self.gather.serve(inbox.call.round, batch, work)
                for index, payload in answers.items():
                    await self._answer(context, inbox.call, index, payload)
                    self._sent(work, payload)
        finally:
            filling.cancel()

    async def _image(self, stream: Stream, context: Context, work: Work, client: str) -> None:
        inbox = await self._open(stream, work, client, whole_image=True)
        await inbox.fill()
        windows = await inbox.batch(most=inbox.call.windows)
        await inbox.batch()
        self._received(work, windows.values())
        payloads = [windows[index] for index in sorted(windows)]
        act = partial(serve_image, self.stage, inbox.call.round, payloads)
        work.asked = time.monotonic()
        for top, band in bands(await self._compute([work], act)):
            answer = pb.BandAnswer(tie=inbox.call.tie, top=top, payload=to_message(band))
            await context.write(answer)
            self._sent(work, band)

    async def _answer(self, context: Context, call: Call, index: int, payload: Payload) -> None:
        window = pb.Window(index=index, payload=to_message(payload))
        await context.write(pb.WindowAnswer(tie=call.tie, window=window))

    async def _together(self, batch: Sequence[Waiting[Work]]) -> list[dict[int, Payload]]:
        asked = [(one.round, one.windows) for one in batch]
        act = partial(serve_together, self.stage, asked)
        return await self._compute([one.owner for one in batch], act)

    async def _compute(self, works: Sequence[Work], act: Callable[[], T]) -> T:
        """Run ``act`` in torch's thread and note how long it took, and each call waited."""

        def timed() -> tuple[T, float, float]:
            start = time.monotonic()
            return act(), start, time.monotonic() - start

        result, start, compute = await asyncio.get_running_loop().run_in_executor(
            self.processor, timed
        )
        for work in works:
            work.wait += start - work.asked
            work.compute += compute
            self.metrics.wait.observe(start - work.asked)
        self.metrics.compute.observe(compute)
        return result

    def _received(self, work: Work, payloads: Collection[Payload]) -> None:
        size = sum(payload.nbytes for payload in payloads)
        work.windows += len(payloads)
        work.bytes_up += size
        self.metrics.windows.inc(len(payloads))
        self.metrics.bytes.labels("up").inc(size)

    def _sent(self, work: Work, payload: Payload) -> None:
        work.bytes_down += payload.nbytes
        self.metrics.bytes.labels("down").inc(payload.nbytes)


def identity(context: Context) -> str:
    """Who calls: the names in the client's certificate, else its address without the port."""
    names = context.peer_identities()
    if names:
        return " ".join(sorted(name.decode(errors="replace") for name in names))[:200]
    return f"anonymous {context.peer().rpartition(':')[0]}"


def _log_call(
    method: str, client: str, work: Work, status: grpc.StatusCode, seconds: float
) -> None:
    fields = {} if work.call is None else _fields(work.call)
    log(
        "call",
        method=method,
        client=client,
        status=status.name,
        **fields,
        windows=work.windows,
        bytes_up=work.bytes_up,
        bytes_down=work.bytes_down,
        compute=round(work.compute, 4),
        wait=round(work.wait, 4),
        seconds=round(seconds, 4),
    )


def _fields(call: Call) -> dict[str, Any]:
    round_ = call.round
    return {
        "session": round_.session,
        "request": round_.request,
        "round": round_.index,
        "blocks": list(round_.blocks),
    }
