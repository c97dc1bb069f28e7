"""Payloads survive the wire bit by bit, and nothing else is taken for one."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from framework.split.payload import TOKEN_CODECS, Payload, encode_pixels, encode_tokens
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.wire import (
    DTYPES,
    MAX_TENSOR_BYTES,
    WireError,
    bands,
    from_message,
    join,
    to_message,
)
from tests.framework.support import frame_of, message_of

ROOT = Path(__file__).parents[3]
PROTO = Path("framework/transport/grpc/protocol/proto")


def tokens(height: int = 14, width: int = 9, channels: int = 32) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(height, width, channels)) * 10
    return values.astype(np.float32)


def same(a: Payload, b: Payload) -> bool:
    scales = a.scale is b.scale or np.array_equal(a.scale, b.scale)
    kinds = a.codec == b.codec and a.data.dtype == b.data.dtype
    return kinds and scales and np.array_equal(a.data, b.data)


@pytest.mark.parametrize("codec", TOKEN_CODECS)
def test_tokens_cross_unchanged(codec):
    payload = encode_tokens(tokens(), codec)
    message = pb.Payload.FromString(to_message(payload).SerializeToString())
    found = from_message(message)
    assert same(found, payload)
    assert np.array_equal(found.decode(), payload.decode())
    carried = len(message.data.data) + len(message.scale.data)
    assert carried == payload.nbytes


@pytest.mark.parametrize("size", [(112, 112), (0, 112), (112, 0), (3, 5)])
def test_pixels_cross_unchanged(size):
    payload = encode_pixels(frame_of(*size))
    assert same(from_message(to_message(payload)), payload)


def test_bytes_are_little_endian():
    message = to_message(encode_tokens(np.full((1, 1, 2), 1.5, np.float32), "float32"))
    assert message.data.data == bytes.fromhex("0000c03f") * 2
    swapped = Payload("float32", tokens().astype(">f4"))
    assert same(from_message(to_message(swapped)), encode_tokens(tokens(), "float32"))


def test_the_largest_window_fits_and_more_does_not():
    message = to_message(encode_tokens(tokens(14, 14, 1280), "float32"))
    assert len(message.SerializeToString()) < 1.1e6 < MAX_TENSOR_BYTES < 4 << 20
    large = encode_tokens(tokens(64, 64, 256), "float32")
    assert "smaller payload" in message_of(lambda: to_message(large))


def damaged(change) -> pb.Payload:
    message = to_message(encode_tokens(tokens(2, 3, 4), "int8"))
    change(message)
    return message


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m, "codec", 0),
        lambda m: setattr(m, "codec", 99),
        lambda m: setattr(m, "codec", pb.CODEC_FLOAT16),
        lambda m: setattr(m, "codec", pb.CODEC_INT4),
        lambda m: m.ClearField("scale"),
        lambda m: m.ClearField("data"),
        lambda m: setattr(m.data, "dtype", 77),
        lambda m: setattr(m.data, "data", m.data.data + b"x"),
        lambda m: setattr(m.data, "data", m.data.data[:-1]),
        lambda m: setattr(m.data, "byte_count", 2**63),
        lambda m: m.data.shape.append(1),
        lambda m: m.data.shape.__setitem__(0, 2**32 - 1),
        lambda m: m.data.shape.__setitem__(0, 0),
        lambda m: m.scale.shape.__setitem__(slice(None), [3, 2, 1]),
        lambda m: setattr(m.scale, "dtype", pb.DTYPE_UINT8),
    ],
)
def test_a_damaged_payload_is_refused(change):
    with pytest.raises(WireError):
        from_message(damaged(change))


TENSORS = st.builds(
    pb.Tensor,
    dtype=st.sampled_from([0, *DTYPES, 9]),
    shape=st.lists(st.sampled_from([0, 1, 2, 3, 2**32 - 1]), max_size=4),
    byte_count=st.integers(0, 64),
    data=st.binary(max_size=64),
)


@settings(max_examples=300, deadline=None)
@given(st.builds(pb.Payload, codec=st.integers(0, 9), data=TENSORS, scale=st.none() | TENSORS))
@example(pb.Payload(codec=1, data=pb.Tensor(dtype=1, shape=[0, 2**32 - 1, 2**32 - 1])))
@example(pb.Payload(codec=2, data=pb.Tensor(dtype=2, shape=[0, 2**32 - 1, 2**32 - 1])))
def test_any_message_is_a_payload_or_a_wire_error(message):
    try:
        payload = from_message(message)
    except WireError:
        return
    assert payload.data.nbytes == message.data.byte_count == len(message.data.data)


@pytest.mark.parametrize("codec", ["float32", "int8", "int4"])
def test_bands_join_in_any_order(codec):
    payload = encode_tokens(tokens(64, 64, 16), codec)
    parts = dict(bands(payload, most=20_000))
    assert len(parts) > 2
    assert all(part.nbytes <= 20_000 for part in parts.values())
    assert same(join(dict(reversed(parts.items()))), payload)
    del parts[min(parts)]
    with pytest.raises(WireError):
        join(parts)
    with pytest.raises(WireError):
        join({})


def test_generating_again_changes_nothing(tmp_path):
    committed = (ROOT / PROTO / "shard_pb2_grpc.py").read_text()
    version = re.search(r"GRPC_GENERATED_VERSION = '(.+)'", committed)
    assert version
    assert importlib.metadata.version("grpcio-tools") == version[1]
    flags = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I.", *flags, str(PROTO / "shard.proto")],
        cwd=ROOT,
        check=True,
    )
    made = sorted(path.name for path in (tmp_path / PROTO).iterdir())
    assert made == ["shard_pb2.py", "shard_pb2.pyi", "shard_pb2_grpc.py"]
    for name in made:
        assert (tmp_path / PROTO / name).read_text() == (ROOT / PROTO / name).read_text(), name


def test_nothing_on_the_wire_is_pickled():
    files = list((ROOT / "framework" / "transport").rglob("*.py"))
    assert files
    for path in files:
        assert not re.search(r"^\s*(import|from) (pickle|marshal|dill)", path.read_text(), re.M)
        assert "torch.load" not in path.read_text()
