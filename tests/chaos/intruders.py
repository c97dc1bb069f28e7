"""Clients that a server must turn away, and go on serving."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import grpc
import numpy as np

from framework.models.fingerprint import encoder_hash
from framework.split.payload import encode_tokens
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.client.channel import open_channel
from framework.transport.grpc.protocol.metadata import PROTOCOL
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.proto import shard_pb2_grpc
from framework.transport.grpc.protocol.wire import to_message
from framework.transport.grpc.server.lifecycle import SERVICE
from tests.chaos.edge import Tally
from tests.chaos.world import World

MESSAGES = 3000
UNWELL = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.OK)


def refused_clients(world: World) -> Tally:
    """Strangers ask a good server; each counts as an error when it gets nothing."""
    anonymous = grpc.ssl_channel_credentials((world.certs / "ca.crt").read_bytes())
    names = ("expired-edge", "foreign-edge", "shard")
    strangers = [None, anonymous, *(world.tls(name).of_edge() for name in names)]
    tally = Tally()
    for credentials in strangers:
        with open_channel(Address.parse(world.good[0]), credentials) as channel:
            stub = shard_pb2_grpc.ShardStub(channel)
            tally += _turned_away(
                lambda stub=stub: stub.ModelMetadata(pb.MetadataRequest(), timeout=5)
            )
    return tally


def oversized(world: World) -> Tally:
    """A message of 5 MiB."""
    large = pb.Request(window=pb.Window(payload=pb.Payload(data=pb.Tensor(data=bytes(5 << 20)))))
    with _channel(world) as channel:
        stub = shard_pb2_grpc.ShardStub(channel)
        messages = [_opening(world), large]
        return _turned_away(lambda: list(stub.RunWindows(iter(messages), timeout=20)))


def malformed(world: World, count: int = MESSAGES, seed: int = 0) -> Tally:
    """Calls of a few messages each, random or valid but for some bytes, ``count`` messages in all.

    Each call counts as an error when the server ends it with a status of its own.
    """
    rng = random.Random(seed)
    tokens = encode_tokens(np.zeros((7, 7, 192), np.float32), "float32")
    window = pb.Request(window=pb.Window(index=0, payload=to_message(tokens)))
    valid = [_opening(world).SerializeToString(), window.SerializeToString()]
    tally, sent = Tally(), 0
    with _channel(world) as channel:
        calls = [
            channel.stream_stream(f"/{SERVICE}/{method}")
            for method in ("RunWindows", "EncodeImage")
        ]
        while sent < count:
            messages = list(_damaged(rng, valid))
            sent += len(messages)
            call = rng.choice(calls)
            outcome = _turned_away(
                lambda call=call, messages=messages: list(call(iter(messages), timeout=20)), UNWELL
            )
            tally += outcome
    return tally


def _damaged(rng: random.Random, valid: Sequence[bytes]) -> Iterator[bytes]:
    """Some messages of which at least one is not as it should be."""
    for good in valid:
        kind = rng.randrange(3)
        at = rng.randrange(min(len(good), 80))
        if kind == 0:
            yield good[:at] + rng.randbytes(rng.randint(1, 8)) + good[at:]
        elif kind == 1:
            yield good[:at]
        else:
            yield rng.randbytes(rng.randint(0, 64))
    yield from (rng.randbytes(rng.randint(0, 64)) for _ in range(rng.randint(0, 2)))


def _opening(world: World) -> pb.Request:
    return pb.Request(
        opening=pb.Opening(
            protocol=PROTOCOL,
            weights_sha256=encoder_hash(world.edge.sam),
            tie=pb.Tie(session="c4a05"),
            blocks=[0],
            codec=pb.CODEC_FLOAT32,
            windows=1,
        )
    )


def _channel(world: World) -> grpc.Channel:
    return open_channel(Address.parse(world.good[0]), world.tls("edge").of_edge())


def _turned_away(act: Callable[[], object], unwell: Sequence[grpc.StatusCode] = ()) -> Tally:
    try:
        act()
    except grpc.RpcError as error:
        code = error.code()
        if code not in unwell:
            return Tally(1, errors=1, messages=[f"{code.name}: {error.details()}"[:100]])
        return Tally(1, wrong=1, messages=[f"the server did not answer: {code.name}"])
    return Tally(1, wrong=1, messages=["a call went through that had to fail"])
