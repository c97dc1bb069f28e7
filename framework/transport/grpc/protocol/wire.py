"""Payloads as messages: raw little-endian bytes with type, shape and a checked byte count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.models.architectures import Architecture
from framework.split.payload import INT_LIMIT, PIXELS, Payload
from framework.transport.grpc.protocol.proto import shard_pb2 as pb

BAND_BYTES = 1 << 20
"""Of an image embedding, in one message."""

FRAME_BYTES = 64 << 10
"""Room for what a message holds beside its tensor."""

MAX_TENSOR_BYTES = (4 << 20) - FRAME_BYTES
"""What fits, with room for the other fields, under gRPC's receive limit of 4 MiB."""

DTYPES: dict[pb.DType, np.dtype[Any]] = {
    pb.DTYPE_UINT8: np.dtype("u1"),
    pb.DTYPE_INT8: np.dtype("i1"),
    pb.DTYPE_UINT16: np.dtype("<u2"),
    pb.DTYPE_FLOAT16: np.dtype("<f2"),
    pb.DTYPE_FLOAT32: np.dtype("<f4"),
}
"""The tensor types of the wire."""

CODECS: dict[str, tuple[pb.Codec, pb.DType]] = {
    PIXELS: (pb.CODEC_PIXELS, pb.DTYPE_UINT8),
    "float32": (pb.CODEC_FLOAT32, pb.DTYPE_FLOAT32),
    "float16": (pb.CODEC_FLOAT16, pb.DTYPE_FLOAT16),
    "bfloat16": (pb.CODEC_BFLOAT16, pb.DTYPE_UINT16),
    "int8": (pb.CODEC_INT8, pb.DTYPE_INT8),
    "int4": (pb.CODEC_INT4, pb.DTYPE_UINT8),
}
"""Each payload codec with its number on the wire and the type of its data."""

CODEC_NAMES = {number: name for name, (number, _) in CODECS.items()}


class WireError(ValueError):
    """A message is not what the protocol says; the text holds no payload."""


def to_message(payload: Payload) -> pb.Payload:
    """A payload as it crosses.

    Raises:
        PedbenchError: it is larger than a message may be.
    """
    codec, dtype = CODECS[payload.codec]
    message = pb.Payload(codec=codec, data=to_tensor(payload.data, dtype))
    if payload.scale is not None:
        message.scale.CopyFrom(to_tensor(payload.scale, pb.DTYPE_FLOAT32))
    return message


def from_message(message: pb.Payload) -> Payload:
    """Read what `to_message` wrote; the arrays are read-only.

    Raises:
        WireError: codec, type, shape or byte count do not fit each other.
    """
    name = codec_name(message.codec)
    data = from_tensor(message.data)
    if message.data.dtype != CODECS[name][1]:
        raise WireError(f"{name} data come as type {message.data.dtype}")
    if message.HasField("scale") != (name in INT_LIMIT):
        raise WireError(f"a scale goes with integers and with nothing else, not with {name}")
    if name not in INT_LIMIT:
        return Payload(name, data)
    scale: NDArray[Any] = from_tensor(message.scale)
    if scale.dtype != np.float32 or scale.shape != (*data.shape[:2], 1):
        raise WireError(f"{scale.dtype} scale {scale.shape} does not fit data {data.shape}")
    return Payload(name, data, scale)


def codec_name(number: pb.Codec) -> str:
    """The payload codec behind a number on the wire.

    Raises:
        WireError: there is none.
    """
    if number not in CODEC_NAMES:
        raise WireError(f"unknown codec {number}")
    return CODEC_NAMES[number]


def to_tensor(array: NDArray[np.generic], dtype: pb.DType) -> pb.Tensor:
    """An array [rows, columns, channels] as little-endian bytes in C order."""
    if array.nbytes > MAX_TENSOR_BYTES:
        raise PedbenchError(
            f"a tensor of {array.nbytes} bytes does not fit into one message "
            f"(at most {MAX_TENSOR_BYTES}): choose a smaller payload, e.g. float16"
        )
    data = array.astype(DTYPES[dtype], copy=False).tobytes()
    return pb.Tensor(dtype=dtype, shape=array.shape, byte_count=len(data), data=data)


def from_tensor(message: pb.Tensor) -> NDArray[np.generic]:
    """Read what `to_tensor` wrote, without a copy; the array is read-only.

    Raises:
        WireError: unknown type, another number of axes than three, or a wrong byte count.
    """
    if message.dtype not in DTYPES:
        raise WireError(f"unknown tensor type {message.dtype}")
    dtype, shape = DTYPES[message.dtype], tuple(message.shape)
    if len(shape) != 3:
        raise WireError(f"a tensor has {len(shape)} axes instead of 3")
    expected = prod(shape) * dtype.itemsize
    if not expected == message.byte_count == len(message.data):
        raise WireError(
            f"{dtype} {shape} takes {expected} bytes; {message.byte_count} are announced "
            f"and {len(message.data)} came"
        )
    try:
        array = np.frombuffer(message.data, dtype).reshape(shape)
    except ValueError as error:  # no bytes, and axes longer than any array's
        raise WireError(f"{dtype} {shape} is no tensor") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def largest_answer(arch: Architecture) -> int:
    """Bytes of the largest message that a server of ``arch`` has reason to send."""
    window = arch.window_size**2 * arch.width * 4
    row = arch.grid_size * arch.prompt_width * 4
    return max(window, row, min(arch.grid_size * row, BAND_BYTES)) + FRAME_BYTES


def bands(payload: Payload, most: int = BAND_BYTES) -> Iterator[tuple[int, Payload]]:
    """Cut a payload into bands of rows of at most ``most`` bytes, each with its first row."""
    rows = len(payload.data)
    step = max(1, most * rows // payload.nbytes)
    for top in range(0, rows, step):
        scale = None if payload.scale is None else payload.scale[top : top + step]
        yield top, Payload(payload.codec, payload.data[top : top + step], scale)


def join(parts: Mapping[int, Payload]) -> Payload:
    """Put bands together again: the inverse of `bands`, in any order.

    Raises:
        WireError: a row is missing or comes twice, or the bands are of different kinds.
    """
    ordered = [parts[top] for top in sorted(parts)]
    tops = np.cumsum([0] + [len(part.data) for part in ordered])
    kinds = {(part.codec, part.data.shape[1:]) for part in ordered}
    if len(kinds) != 1 or list(tops[:-1]) != sorted(parts):
        raise WireError("the bands do not make up one embedding")
    data = np.concatenate([part.data for part in ordered])
    scales = [part.scale for part in ordered if part.scale is not None]
    return Payload(ordered[0].codec, data, np.concatenate(scales) if scales else None)
