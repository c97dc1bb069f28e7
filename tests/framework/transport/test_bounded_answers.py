"""Whatever a server answers, the edge reads what it asked for and prints mere text."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework import GrpcShards, LocalShards
from framework.errors import one_line
from framework.models.architectures import ARCHITECTURES
from framework.split.edge import DistributedEncoder
from framework.transport.grpc.protocol.metadata import describe
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.wire import FRAME_BYTES, largest_answer
from framework.transport.grpc.server.service import ShardService
from tests.chaos.evil import Bulky, Flood, TooLarge, Unwilling
from tests.framework.servers import HASTY, serving
from tests.framework.support import frame_of, message_of

FRAME = frame_of(200, 256)
CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


@pytest.fixture(scope="module")
def servers(sam) -> Iterator[dict[str, str]]:
    services = (ShardService, Bulky, Flood, TooLarge, Unwilling)
    with serving(sam, *services) as addresses:
        yield {s.__name__: a for s, a in zip(services, addresses, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "plan", "reason"),
    [
        ("Bulky", "interleaved", "larger than was asked for"),
        ("TooLarge", "interleaved", "larger than was asked for"),
        ("Flood", "centralized", "other rows than the"),
    ],
)
def test_no_more_is_read_than_was_asked_for(sam, servers, name, plan, reason):
    right = DistributedEncoder(sam, LocalShards(1), plan=plan)(FRAME)
    with GrpcShards([servers[name]], patience=HASTY) as shards:
        found = DistributedEncoder(sam, shards, plan=plan)(FRAME)
        assert reason in shards.quarantined[0]
    assert (found - right).abs().max() <= 1e-5


@pytest.mark.parametrize("plan", ["interleaved", "centralized"])
def test_one_unwilling_server_ends_nothing_that_others_can_finish(sam, servers, plan):
    right = DistributedEncoder(sam, LocalShards(2), plan=plan)(FRAME)
    both = [servers["Unwilling"], servers["ShardService"]]
    with GrpcShards(both, patience=HASTY, fallback="fail") as shards:
        found = DistributedEncoder(sam, shards, plan=plan)(FRAME)
        assert [bool(breaker.failures) for breaker in shards.breakers] == [True, False]
    assert (found - right).abs().max() <= 1e-5


@pytest.mark.parametrize("plan", ["interleaved", "centralized"])
def test_a_servers_words_are_shown_without_control_characters(sam, servers, plan):
    with GrpcShards([servers["Unwilling"]], patience=HASTY, fallback="fail") as shards:
        text = message_of(lambda: DistributedEncoder(sam, shards, plan=plan)(FRAME))
    assert "refuses the call (INVALID_ARGUMENT)" in text
    assert text.isprintable()
    assert len(text) < 400


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_one_line_is_short_and_printable(text):
    line = one_line(ValueError(text))
    assert line.isprintable()
    assert len(line) <= 120


@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=list(ARCHITECTURES))
def test_every_window_and_band_fits_the_bound(arch):
    window = arch.window_size**2 * arch.width * 4
    assert window + FRAME_BYTES <= largest_answer(arch) <= 4 << 20


@dataclass
class Script:
    """What the fuzzed server answers next: raw bytes, or messages that may bear the right tie."""

    answers: list[Any] = field(default_factory=list)
    tied: bool = True
    code: grpc.StatusCode | None = None
    details: str = ""
    compute: str = "0"


class Fuzzed(grpc.GenericRpcHandler):
    """Introduces itself rightly, and then answers by the script."""

    def __init__(self, sam) -> None:
        self.metadata = describe(sam).SerializeToString()
        self.script = Script()

    def service(self, details):
        if details.method.endswith("ModelMetadata"):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: self.metadata)
        return grpc.stream_stream_rpc_method_handler(self.answer)

    def answer(self, requests, context):
        tie = pb.Request.FromString(next(requests)).opening.tie
        for answer in self.script.answers:
            if isinstance(answer, bytes):
                yield answer
                continue
            if self.script.tied:
                answer.tie.CopyFrom(tie)
            yield answer.SerializeToString()
        context.set_trailing_metadata([("compute", self.script.compute)])
        if self.script.code:
            context.abort(self.script.code, self.script.details)


@pytest.fixture(scope="module")
def fuzzed(sam) -> Iterator[tuple[Fuzzed, str]]:
    handler = Fuzzed(sam)
    server = grpc.server(ThreadPoolExecutor(4), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield handler, f"127.0.0.1:{port}"
    server.stop(None).wait(10)


small = st.integers(0, 40)
tensors = st.builds(
    pb.Tensor,
    dtype=st.integers(0, 7),
    shape=st.lists(small | st.integers(0, 2**32 - 1), max_size=4),
    byte_count=small | st.integers(0, 2**64 - 1),
    data=st.binary(max_size=64),
)
payloads = st.builds(pb.Payload, codec=st.integers(0, 8), data=tensors, scale=st.none() | tensors)
windows = st.builds(pb.WindowAnswer, window=st.builds(pb.Window, index=small, payload=payloads))
bands = st.builds(pb.BandAnswer, top=small | st.integers(0, 2**32 - 1), payload=payloads)


def scripts(answers: st.SearchStrategy) -> st.SearchStrategy[Script]:
    return st.builds(
        Script,
        st.lists(answers | st.binary(max_size=64), max_size=4),
        st.booleans(),
        st.none() | st.sampled_from(CODES),
        st.text(max_size=40),
        st.sampled_from(["0", "nan", "-1", "1e999", "much"]),
    )


@pytest.mark.slow
@pytest.mark.parametrize(("plan", "answers"), [("prefix", windows), ("centralized", bands)])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_malformed_answers_neither_hang_nor_crash_the_edge(sam, fuzzed, plan, answers, data):
    handler, address = fuzzed
    handler.script = data.draw(scripts(answers))
    with GrpcShards([address], patience=HASTY, fallback="fail") as shards:
        text = message_of(lambda: DistributedEncoder(sam, shards, plan=plan)(FRAME))
        assert text.isprintable()
        assert shards.quarantined or shards.breakers[0].failures
