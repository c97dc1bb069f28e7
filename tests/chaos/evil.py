"""Servers that misbehave, each in one way."""

from __future__ import annotations

import asyncio
import os
import signal

import numpy as np

from framework.split.payload import Payload
from framework.transport.grpc.protocol.checks import Call
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.wire import WireError, to_message
from framework.transport.grpc.server.service import ShardService


def shifted(payload: Payload) -> Payload:
    """Plausible and wrong: the tokens of other places."""
    return Payload(payload.codec, np.roll(payload.data, 1, axis=0), payload.scale)


class Altering(ShardService):
    """Computes rightly and alters what it sends."""

    async def _answer(self, context, call: Call, index: int, payload: Payload) -> None:
        index, payload = self.alter(call, index, payload)
        window = pb.Window(index=index, payload=to_message(payload))
        await context.write(pb.WindowAnswer(tie=self.tie(call), window=window))

    def alter(self, call: Call, index: int, payload: Payload) -> tuple[int, Payload]:
        return index, payload

    def tie(self, call: Call) -> pb.Tie:
        return call.tie


class Nan(Altering):
    """One value of every window is not a number."""

    def alter(self, call, index, payload):
        data = payload.data.copy()
        data.flat[0] = np.nan
        return index, Payload(payload.codec, data)


class Huge(Altering):
    """One value of every window is finite and absurd."""

    def alter(self, call, index, payload):
        data = payload.data.copy()
        data.flat[0] = 1e30
        return index, Payload(payload.codec, data)


class WrongShape(Altering):
    """A row of tokens is missing."""

    def alter(self, call, index, payload):
        return index, Payload(payload.codec, payload.data[1:])


class OtherWindow(Altering):
    """Answers for a window that it was not asked for."""

    def alter(self, call, index, payload):
        return (index + 1) % len(call.round.grid.windows), payload


class Twice(Altering):
    """Answers one window over and over."""

    def alter(self, call, index, payload):
        return getattr(self, "first", None) or setattr(self, "first", index) or index, payload


class Replay(Altering):
    """Answers every round under the first round's name."""

    old: pb.Tie | None = None

    def tie(self, call):
        self.old = self.old or call.tie
        return self.old


class Garbage(Altering):
    """Sound in form, wrong in substance: only a spot check can tell."""

    def alter(self, call, index, payload):
        return index, shifted(payload)


class TooLarge(Altering):
    """Answers in messages above gRPC's receive limit."""

    async def _answer(self, context, call, index, payload):
        tensor = pb.Tensor(data=bytes(5 << 20))
        window = pb.Window(index=index, payload=pb.Payload(data=tensor))
        await context.write(pb.WindowAnswer(tie=call.tie, window=window))


class Forgetful(Altering):
    """Ends the call as if it were done, one window short."""

    async def _answer(self, context, call, index, payload):
        if not getattr(self, "forgot", False):
            self.forgot = True
            return
        await super()._answer(context, call, index, payload)


class Slow(ShardService):
    """Takes its time, and is right."""

    async def _answer(self, context, call, index, payload):
        await asyncio.sleep(0.1)
        await super()._answer(context, call, index, payload)


class Hung(ShardService):
    """Takes windows and never answers."""

    async def _answer(self, context, call, index, payload):
        await asyncio.sleep(3600)


class Mute(ShardService):
    """Does not even say what it serves."""

    async def ModelMetadata(self, request, context):
        await asyncio.sleep(3600)


class OldProtocol(ShardService):
    """Speaks another version."""

    async def ModelMetadata(self, request, context):
        metadata = pb.Metadata()
        metadata.CopyFrom(self.metadata)
        metadata.protocol += 1
        return metadata


class WrongWeights(ShardService):
    """Holds other weights, and says so."""

    async def ModelMetadata(self, request, context):
        metadata = pb.Metadata()
        metadata.CopyFrom(self.metadata)
        metadata.weights_sha256 = bytes(32)
        return metadata


class Dies(ShardService):
    """Its process is killed after the first answer of a round."""

    async def _answer(self, context, call, index, payload):
        await super()._answer(context, call, index, payload)
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)


class Unwilling(ShardService):
    """Calls every request malformed, in many words and colours."""

    async def _windows(self, stream, context, work, client):
        raise WireError("\x1b[31mred\x1b[0m \u202e \x07 " + "long " * 100)

    async def _image(self, stream, context, work, client):
        raise WireError("\x1b[2J")


class Bulky(Altering):
    """Answers in messages that gRPC would accept, and nobody asked for."""

    async def _answer(self, context, call, index, payload):
        tensor = pb.Tensor(data=bytes(3 << 20))
        window = pb.Window(index=index, payload=pb.Payload(data=tensor))
        await context.write(pb.WindowAnswer(tie=call.tie, window=window))


class Flood(ShardService):
    """Sends bands of an image without end, each below every row before."""

    async def _image(self, stream, context, work, client):
        inbox = await self._open(stream, work, client, whole_image=True)
        side, width = self.sam.arch.grid_size, self.sam.arch.prompt_width
        row = Payload("float32", np.zeros((1, side, width), np.float32))
        for top in range(1 << 20):
            answer = pb.BandAnswer(tie=inbox.call.tie, top=top, payload=to_message(row))
            await context.write(answer)


SERVICES = {
    service.__name__: service
    for service in (
        ShardService,
        Nan,
        Huge,
        WrongShape,
        OtherWindow,
        Twice,
        Replay,
        Garbage,
        TooLarge,
        Forgetful,
        Slow,
        Hung,
        Mute,
        OldProtocol,
        WrongWeights,
        Dies,
        Unwilling,
        Bulky,
        Flood,
    )
}
