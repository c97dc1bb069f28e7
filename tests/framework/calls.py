"""Calls to a shard server, message by message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import numpy as np

from framework import Tls
from framework.models.build import PedSam
from framework.models.fingerprint import encoder_hash
from framework.split.payload import encode_pixels, encode_tokens
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.client.channel import open_channel
from framework.transport.grpc.protocol.metadata import PROTOCOL
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.proto import shard_pb2_grpc
from framework.transport.grpc.protocol.wire import to_message
from tests.framework.support import frame_of

Code = grpc.StatusCode
SIDE, WIDTH = 7, 192
"""Of a window of ``tiny``: tokens along a side, channels."""


@contextmanager
def connected(address: str, tls: Tls | None = None) -> Iterator[grpc.Channel]:
    with open_channel(Address.parse(address), tls and tls.of_edge()) as channel:
        yield channel


def opening(sam: PedSam, windows: int = 1, **changes) -> pb.Request:
    message = pb.Opening(
        protocol=PROTOCOL,
        weights_sha256=encoder_hash(sam),
        tie=pb.Tie(session="ab12", request=3, round=1),
        blocks=[0],
        codec=pb.CODEC_FLOAT32,
        windows=windows,
    )
    for name, value in changes.items():
        if name == "blocks":
            message.ClearField("blocks")
            message.blocks.extend(value)
        elif name == "session":
            message.tie.session = value
        else:
            setattr(message, name, value)
    return pb.Request(opening=message)


def window(index: int = 0, values: np.ndarray | None = None, codec: str = "float32") -> pb.Request:
    tokens = np.zeros((SIDE, SIDE, WIDTH), np.float32) if values is None else values
    payload = to_message(encode_tokens(tokens, codec))
    return pb.Request(window=pb.Window(index=index, payload=payload))


def pixels(index: int, height: int, width: int) -> pb.Request:
    payload = to_message(encode_pixels(frame_of(height, width)))
    return pb.Request(window=pb.Window(index=index, payload=payload))


def status_of(
    channel: grpc.Channel, *messages: pb.Request, method: str = "RunWindows", timeout: float = 20
) -> Code:
    stub = shard_pb2_grpc.ShardStub(channel)
    try:
        list(getattr(stub, method)(iter(messages), timeout=timeout))
    except grpc.RpcError as error:
        return error.code()
    return Code.OK
