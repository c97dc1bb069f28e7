"""Observations: complete, leak nothing of other shards, survive serialisation."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from framework import DistributedSamPredictor, LocalShards, Observation
from framework.split.edge import DistributedEncoder
from framework.split.observation import WindowMessage
from tests.framework.support import BrokenShards, EchoShards, frame_of, message_of


@pytest.fixture(scope="module")
def everything(observed) -> Observation:
    return observed.observation()


def same_message(a: WindowMessage, b: WindowMessage) -> bool:
    """Whether two messages agree in every field and every byte."""
    fields = ("frame", "round", "stage", "shard", "window", "delivered")
    if any(getattr(a, f) != getattr(b, f) for f in fields):
        return False
    for one, other in ((a.sent, b.sent), (a.returned, b.returned)):
        if one is None or other is None:
            if one is not other:
                return False
            continue
        if one.codec != other.codec or one.data.dtype != other.data.dtype:
            return False
        if not np.array_equal(one.data, other.data):
            return False
        if not np.array_equal(one.scale, other.scale):
            return False
    return True


def test_each_round_sends_each_window_once(everything):
    assert Counter((m.round, m.window) for m in everything.messages) == Counter(
        (r, w) for r in range(4) for w in range(25)
    )
    assert {(m.round, m.stage) for m in everything.messages} == {(0, 0), (1, 2), (2, 4), (3, 6)}
    assert everything.stages == (0, 2, 4, 6)
    assert everything.visible == tuple(range(25))
    assert all(m.delivered and m.returned is not None for m in everything.messages)
    owners = {(m.window, m.shard) for m in everything.messages}
    assert len(owners) == 25


def test_what_is_recorded_is_what_was_sent(sam):
    frame = frame_of(256, 200)
    encoder = DistributedEncoder(sam, LocalShards(3), payload="pixels")
    encoder(frame)
    seen = encoder.observation()
    rebuilt = np.zeros_like(frame)
    for index, pixels in seen.pixels().items():
        rebuilt[seen.grid.pixel_slice(seen.grid.windows[index])] = pixels
    assert np.array_equal(rebuilt, frame)
    assert seen.tokens(0) == {}
    assert len(seen.tokens(2)) == 25


def test_tokens_have_valid_extents(everything):
    for stage in everything.stages:
        for index, tokens in everything.tokens(stage).items():
            window = everything.grid.windows[index]
            assert tokens.shape == (window.height, window.width, 192)
            assert tokens.dtype == np.float32
    assert everything.pixels() == {}


@pytest.mark.parametrize("coalition", [(0,), (1, 3), (0, 1, 2, 3)])
def test_restrict_keeps_exactly_the_coalitions_messages(everything, coalition):
    seen = everything.restrict(coalition)
    assert seen.shards == coalition
    assert seen.n_shards == 4
    expected = [m for m in everything.messages if m.shard in coalition]
    assert list(seen.messages) == expected
    assert {m.shard for m in seen.messages} == set(coalition)
    assert set(seen.visible) == {m.window for m in expected if m.round == 0}
    assert set(seen.tokens(0)) == set(seen.visible)


def test_coalitions_cannot_grow(everything):
    alone = everything.restrict([2])
    assert "[2]" in message_of(lambda: alone.restrict([1, 2]))
    assert "choose from" in message_of(lambda: everything.restrict([4]))


def test_nothing_of_other_shards_is_serialised(sam):
    """With each shard's payloads full of its own number, its bytes hold no other number."""
    encoder = DistributedEncoder(sam, EchoShards(4), plan="prefix")
    encoder(frame_of(256, 256))
    everything = encoder.observation()
    for message in everything.messages:
        message.sent.data[:] = message.returned.data[:] = 1234.5 + message.shard
    for shard in range(4):
        blob = everything.restrict([shard]).to_bytes()
        for other in range(4):
            assert (signature(other) in blob) is (other == shard)


def signature(shard: int) -> bytes:
    return np.full(4, 1234.5 + shard, dtype=np.float32).tobytes()


def test_at_stages(everything):
    early = everything.at_stages([0, 2])
    assert early.stages == (0, 2)
    assert len(early.messages) == 50


@pytest.mark.parametrize("payload", ["float32", "bfloat16", "int8", "int4", "pixels+float16"])
def test_bytes_round_trip(sam, payload):
    encoder = DistributedEncoder(sam, LocalShards(5), payload=payload)
    encoder(frame_of(140, 256))
    before = encoder.observation().restrict([1, 4])
    blob = before.to_bytes()
    after = Observation.from_bytes(blob)
    for name in ("frame_size", "n_shards", "shards", "plan", "payload", "visible", "stages"):
        assert getattr(after, name) == getattr(before, name)
    assert after.grid == before.grid
    assert all(same_message(a, b) for a, b in zip(after.messages, before.messages, strict=True))
    assert after.to_bytes() == blob


def test_an_empty_observation_round_trips(everything):
    nothing = everything.at_stages([])
    assert Observation.from_bytes(nothing.to_bytes()).messages == ()


@given(st.binary(max_size=200))
def test_garbage_is_refused(blob):
    assert "not an observation" in message_of(lambda: Observation.from_bytes(blob))


def test_truncated_and_foreign_bytes_are_refused(everything):
    blob = everything.restrict([0]).to_bytes()
    foreign = [
        blob[:-1],
        blob[: len(blob) // 2],
        save({"x": np.zeros(3)}),
        save({"x": np.zeros(3)}, metadata={"observation": "[]"}),
        save({"x": np.zeros(3)}, metadata={"observation": "{}"}),
        save({}, metadata={"observation": json.dumps({"messages": [{"frame": 0}]})}),
        save({}, metadata={"observation": json.dumps({"messages": [3]})}),
    ]
    for bytes_ in foreign:
        assert "not an observation" in message_of(lambda b=bytes_: Observation.from_bytes(b))


def test_failed_sends_count_as_seen(sam):
    encoder = DistributedEncoder(sam, BrokenShards(4, broken_round=1))
    assert "unreachable" in message_of(lambda: encoder(frame_of(256, 256)))
    seen = encoder.observation()
    assert len(seen.messages) == 50
    for m in seen.messages:
        assert m.delivered is (m.round == 0)
        assert (m.returned is not None) is m.delivered
        assert m.sent.decode().shape[-1] == 192
    assert len(seen.tokens(2)) == 25
    after = Observation.from_bytes(seen.to_bytes())
    assert [m.delivered for m in after.messages] == [m.delivered for m in seen.messages]


def test_a_failed_first_round_is_visible(sam):
    encoder = DistributedEncoder(sam, BrokenShards(4, broken_round=0), payload="pixels")
    message_of(lambda: encoder(frame_of(256, 256)))
    assert encoder.observation().visible == tuple(range(25))
    assert len(encoder.observation().pixels()) == 25


def test_a_failed_centralised_server_has_seen_the_picture(sam):
    encoder = DistributedEncoder(sam, BrokenShards(1, broken_round=0), plan="centralized")
    frame = frame_of(256, 256)
    message_of(lambda: encoder(frame))
    seen = encoder.observation()
    assert len(seen.pixels()) == 25
    assert not any(m.delivered for m in seen.messages)
    assert encoder.traffic.bytes_down == 0


def test_the_next_picture_starts_a_new_recording(sam):
    shards = BrokenShards(4, broken_round=1)
    encoder = DistributedEncoder(sam, shards, plan="interleaved")
    message_of(lambda: encoder(frame_of(256, 256)))
    assert shards.taps == []
    shards.broken_round = 99
    encoder(frame_of(256, 256))
    assert {m.frame for m in encoder.observation().messages} == {1}
    assert len(encoder.observation().messages) == 100


def test_a_tap_sees_every_picture_of_a_session(sam):
    shards = EchoShards(2)
    session: list[WindowMessage] = []
    shards.taps.append(session.append)
    encoder = DistributedEncoder(sam, shards, plan="prefix", policy="random")
    for seed in range(3):
        encoder(frame_of(256, 256, seed))
    assert Counter(m.frame for m in session) == {0: 25, 1: 25, 2: 25}


def test_local_leaves_no_trace(sam):
    encoder = DistributedEncoder(sam, LocalShards(4), plan="local")
    encoder(frame_of(256, 256))
    assert encoder.observation().messages == ()
    assert encoder.observation().visible == ()


def test_centralized_goes_to_server_0(sam):
    encoder = DistributedEncoder(sam, LocalShards(4), plan="centralized")
    encoder(frame_of(256, 256))
    seen = encoder.observation()
    assert {m.shard for m in seen.messages} == {0}
    assert seen.restrict([0]).visible == tuple(range(25))
    assert seen.restrict([1, 2, 3]).messages == ()


def test_nothing_observed_yet(sam):
    predictor = DistributedSamPredictor(sam, LocalShards(4))
    assert "call set_image first" in message_of(predictor.observation)
