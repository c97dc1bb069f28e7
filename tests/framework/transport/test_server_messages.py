"""What a live server answers and what it refuses, message by message."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from framework.models.fingerprint import encoder_hash
from framework.transport.grpc.protocol.metadata import PROTOCOL
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.proto import shard_pb2_grpc
from framework.transport.grpc.server.lifecycle import SERVICE
from framework.transport.grpc.server.service import ShardService
from tests.framework.calls import Code, connected, opening, pixels, status_of, window
from tests.framework.servers import serving

RUN = f"/{SERVICE}/RunWindows"


@pytest.fixture(scope="module")
def channel(sam) -> Iterator[grpc.Channel]:
    with serving(sam, ShardService) as (address,), connected(address) as channel:
        yield channel


def test_metadata_says_what_it_serves(channel, sam):
    found = shard_pb2_grpc.ShardStub(channel).ModelMetadata(pb.MetadataRequest(), timeout=10)
    assert found.model == "tiny"
    assert found.protocol == PROTOCOL
    assert found.weights_sha256 == encoder_hash(sam)
    assert list(found.global_blocks) == [1, 3, 5, 7]


def test_answers_carry_what_they_answer(channel, sam):
    stub = shard_pb2_grpc.ShardStub(channel)
    order = [5, 0, 12]
    requests = [opening(sam, 3), *(window(index) for index in order)]
    answers = list(stub.RunWindows(iter(requests), timeout=20))
    assert sorted(answer.window.index for answer in answers) == sorted(order)
    assert all(answer.tie == requests[0].opening.tie for answer in answers)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"protocol": PROTOCOL + 1}, Code.FAILED_PRECONDITION),
        ({"weights_sha256": bytes(32)}, Code.FAILED_PRECONDITION),
        ({"session": ""}, Code.INVALID_ARGUMENT),
        ({"session": "a\nb"}, Code.INVALID_ARGUMENT),
        ({"session": "a" * 65}, Code.INVALID_ARGUMENT),
        ({"codec": 0}, Code.INVALID_ARGUMENT),
        ({"codec": pb.CODEC_PIXELS}, Code.INVALID_ARGUMENT),
        ({"blocks": []}, Code.INVALID_ARGUMENT),
        ({"blocks": [1]}, Code.INVALID_ARGUMENT),
        ({"blocks": [0, 1]}, Code.INVALID_ARGUMENT),
        ({"blocks": [0, 4]}, Code.INVALID_ARGUMENT),
        ({"blocks": [2, 0]}, Code.INVALID_ARGUMENT),
        ({"blocks": [8]}, Code.INVALID_ARGUMENT),
        ({"blocks": [0, 2, 4, 6]}, Code.OK),
        ({"windows": 0}, Code.INVALID_ARGUMENT),
        ({"windows": 26}, Code.INVALID_ARGUMENT),
        ({"windows": 2}, Code.INVALID_ARGUMENT),
    ],
)
def test_openings(channel, sam, changes, code):
    assert status_of(channel, opening(sam, **changes), window()) == code


@pytest.mark.parametrize(
    "messages",
    [
        lambda sam: [],
        lambda sam: [pb.Request()],
        lambda sam: [window()],
        lambda sam: [opening(sam), opening(sam)],
        lambda sam: [opening(sam), window(25)],
        lambda sam: [opening(sam), window(4)],
        lambda sam: [opening(sam, 2), window(0), window(0)],
        lambda sam: [opening(sam), window(0), window(1)],
        lambda sam: [opening(sam), window(0, np.zeros((7, 7, 96), np.float32))],
        lambda sam: [opening(sam), window(0, np.zeros((7, 7, 96), np.float32), "int4")],
        lambda sam: [opening(sam, blocks=[2]), pixels(0, 56, 56)],
        lambda sam: [opening(sam), pixels(0, 57, 56)],
        lambda sam: [opening(sam), pixels(4, 56, 56)],
    ],
)
def test_windows_that_are_refused(channel, sam, messages):
    assert status_of(channel, *messages(sam)) == Code.INVALID_ARGUMENT


def test_pixels_of_any_content_are_served(channel, sam):
    for height, width in ((56, 56), (0, 56), (3, 5)):
        assert status_of(channel, opening(sam), pixels(0, height, width)) == Code.OK


def test_a_whole_image_needs_all_windows_and_all_blocks(channel, sam):
    everything = opening(sam, 25, blocks=range(8))
    image = [pixels(index, 0, 0) for index in range(25)]
    assert status_of(channel, everything, *image, method="EncodeImage") == Code.OK
    for wrong in (opening(sam, 24, blocks=range(8)), opening(sam, 25)):
        assert status_of(channel, wrong, *image, method="EncodeImage") == Code.INVALID_ARGUMENT


def test_a_message_above_the_limit_is_refused(channel, sam):
    large = pb.Request(window=pb.Window(payload=pb.Payload(data=pb.Tensor(data=bytes(5 << 20)))))
    assert status_of(channel, opening(sam), large) == Code.RESOURCE_EXHAUSTED
    assert status_of(channel, opening(sam), window()) == Code.OK


@pytest.mark.slow
@settings(
    max_examples=200,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_malformed_messages_end_the_call_and_nothing_else(channel, sam, data):
    """Random bytes, and valid messages with a few bytes changed, cut off or put in."""
    valid = [opening(sam).SerializeToString(), window().SerializeToString()[:400]]
    messages = []
    for good in data.draw(st.permutations(valid)):
        at = data.draw(st.integers(0, len(good)))
        noise = data.draw(st.binary(max_size=12))
        messages.append(good[:at] + noise + good[at + data.draw(st.integers(0, 12)) :])
    messages += data.draw(st.lists(st.binary(max_size=60), max_size=2))
    call = channel.stream_stream(RUN, request_serializer=None, response_deserializer=None)
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter(messages), timeout=20))
    assert caught.value.code() not in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)


def test_it_goes_on_serving(channel, sam):
    assert status_of(channel, opening(sam), window()) == Code.OK
