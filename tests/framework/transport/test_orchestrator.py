"""Failures, wrong answers and windows that stay at home: right results or one clear error."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from framework import DistributedSamPredictor, PedbenchError
from framework.exposure import Caps, Guard, Ledger, View
from framework.split.edge import DistributedEncoder
from framework.split.observation import WindowMessage
from framework.split.payload import TOKEN_CODECS, Payload, encode_tokens
from framework.split.policies import POLICIES
from framework.transport.base import HOME, Round, SeparateShards, serve_windows
from framework.transport.faults import BadAnswer, ShardRefused, ShardUnavailable
from framework.transport.patience import Breaker, Patience
from framework.transport.stage import WindowStage
from tests.framework.simulation import SIDE, FakeStage, payloads_of, round_of, spoilt, tokens_of
from tests.framework.support import frame_of, message_of

SCENE = View("yard", (SIDE, SIDE), (0, 0), (SIDE, SIDE))
OWNERS = [0, 1, 2, 0, 1, 2, 0, 1, 2]


class Scripted(SeparateShards):
    """Servers that follow a script: an exception to raise, or a function that spoils an answer."""

    def __init__(self, count: int, script: Mapping[int, object] = {}, **options) -> None:
        super().__init__(count, **options)
        self.stage = FakeStage()
        self.script = dict(script)
        self.asked: list[tuple[int, tuple[int, ...]]] = []
        self.messages: list[WindowMessage] = []
        self.taps.append(self.messages.append)

    def _serve(
        self, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> dict[int, Payload]:
        self.asked.append((shard, tuple(windows)))
        return self._play(shard, super()._serve(round_, shard, windows))

    def _encode_image(self, round_: Round, shard: int, payloads: Sequence[Payload]) -> Payload:
        self.asked.append((shard, tuple(range(len(payloads)))))
        return self._play(shard, super()._encode_image(round_, shard, payloads))

    def _play(self, shard: int, answers):
        act = self.script.get(shard)
        if isinstance(act, Exception):
            raise act
        return act(answers) if act else answers


def gone(shard: int) -> ShardUnavailable:
    return ShardUnavailable(shard, f"server {shard} is gone")


def exchange(
    shards: Scripted, owners: Sequence[int] = OWNERS, number: int = 0, lost: Sequence[int] = ()
) -> set[int]:
    """A round whose every result must be right; the servers that its request has lost."""
    round_ = replace(round_of(SCENE, number), lost=set(lost))
    payloads = payloads_of(round_.grid, 0.0)
    found = shards.exchange(round_, owners, payloads)
    for before, after in zip(tokens_of(payloads), tokens_of(found), strict=True):
        assert np.array_equal(after, before * 2 + 1)
    return round_.lost


def test_windows_of_a_dead_server_go_elsewhere():
    shards = Scripted(3, {1: gone(1)})
    exchange(shards)
    assert shards.asked == [(0, (0, 3, 6)), (1, (1, 4, 7)), (2, (2, 5, 8)), (0, (1, 7)), (2, (4,))]
    assert len(shards.messages) == 12, "a failed send counts as seen"
    assert {m.window for m in shards.messages if not m.delivered} == {1, 4, 7}
    assert all(m.shard == 1 and m.returned is None for m in shards.messages if not m.delivered)


def test_a_dead_server_is_asked_again_with_the_next_picture():
    shards = Scripted(3, {1: gone(1)})
    lost = exchange(shards)
    assert lost == {1}
    shards.asked.clear()
    exchange(shards, lost=lost)
    assert 1 not in dict(shards.asked)
    shards.script.clear()
    exchange(shards, number=1)
    assert (1, (1, 4, 7)) in shards.asked


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_retries_are_bounded(retries):
    shards = Scripted(3, {s: gone(s) for s in range(3)}, retries=retries)
    exchange(shards)
    sends = np.bincount([m.window for m in shards.messages])
    assert sends.max() <= retries + 1
    assert not any(m.delivered for m in shards.messages)


def test_no_server_and_no_edge():
    shards = Scripted(3, {1: gone(1)}, fallback="fail", retries=0)
    text = message_of(lambda: exchange(shards))
    assert "3 windows" in text
    assert "server 1 is gone" in text
    assert len(shards.messages) == 9


def test_caps_without_the_edge_send_nothing():
    guard = Guard(caps=Caps(per_server=2 / 9))
    shards = Scripted(3, guard=guard, fallback="fail")
    assert "caps" in message_of(lambda: exchange(shards))
    assert shards.asked == []
    assert guard.ledger.counts("yard") == {}


def test_capped_windows_stay_at_home():
    shards = Scripted(3, guard=Guard(caps=Caps(per_server=2 / 9)))
    exchange(shards)
    assert shards.asked == [(0, (0, 3)), (1, (1, 4)), (2, (2, 5))]


def test_a_retry_needs_room_under_the_caps():
    shards = Scripted(3, {1: gone(1)}, guard=Guard(caps=Caps(per_server=4 / 9)))
    exchange(shards)
    assert shards.asked[3:] == [(0, (1,)), (2, (4,))]
    assert shards.guard.ledger.counts("yard") == {"shard-0": 4, "shard-1": 3, "shard-2": 4}


def test_home_windows_are_never_sent():
    shards = Scripted(2)
    exchange(shards, [0, HOME, 1, HOME, 1, 0, 0, HOME, 1])
    assert shards.asked == [(0, (0, 5, 6)), (1, (2, 4, 8))]
    assert {m.window for m in shards.messages}.isdisjoint({1, 3, 7})


WRONG_ANSWERS = {
    "its own": BadAnswer(1, "it answered an old request"),
    "another window": lambda a: {w + 1: payload for w, payload in a.items()},
    "one too few": lambda a: dict(list(a.items())[1:]),
    "one too many": lambda a: a | {0: a[1]},
    "nan": lambda a: a | {4: spoilt(a[4], "nan")},
    "codec": lambda a: a | {4: spoilt(a[4], "codec")},
    "shape": lambda a: a | {4: spoilt(a[4], "shape")},
    "dtype": lambda a: a | {4: Payload("float32", a[4].data.astype(np.float64))},
    "too large": lambda a: a | {4: Payload("float32", a[4].data * 1e5)},
}


@pytest.mark.parametrize("name", WRONG_ANSWERS)
def test_wrong_answers_put_a_server_into_quarantine(name):
    shards = Scripted(3, {1: WRONG_ANSWERS[name]})
    exchange(shards)
    assert list(shards.quarantined) == [1]
    assert not any(m.delivered for m in shards.messages if m.shard == 1)
    shards.asked.clear()
    shards.script.clear()
    exchange(shards, number=1)
    assert 1 not in dict(shards.asked)


BAD_PAYLOADS = {
    "infinite": ("float16", lambda p: Payload("float16", p.data * np.float16(np.inf))),
    "nan": ("bfloat16", lambda p: Payload("bfloat16", p.data | np.uint16(0x7FFF))),
    "int8 nan": ("int8", lambda p: Payload("int8", p.data, p.scale * np.float32(np.nan))),
    "int8 scale": ("int8", lambda p: Payload("int8", p.data)),
    "int8 negative": ("int8", lambda p: Payload("int8", p.data, -p.scale)),
    "int8 huge": ("int8", lambda p: Payload("int8", p.data, p.scale * np.float32(1e9))),
    "int8 value": ("int8", lambda p: Payload("int8", np.full_like(p.data, -128), p.scale)),
    "int4 shape": ("int4", lambda p: Payload("int4", p.data, p.scale[..., 0])),
}


@pytest.mark.parametrize("name", BAD_PAYLOADS)
def test_wrong_values_of_each_codec(name):
    from framework.transport.answers import check_payload

    codec, spoil = BAD_PAYLOADS[name]
    tokens = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    sound = encode_tokens(tokens, codec)
    check_payload(0, sound, (2, 3, 4), codec, "window 0")
    text = message_of(lambda: check_payload(0, spoil(sound), (2, 3, 4), codec, "window 0"))
    assert text.startswith("server 0 returned window 0 with")


def test_a_fault_of_the_edge_ends_the_request():
    shards = Scripted(3, {1: PedbenchError("a bug")})
    assert message_of(lambda: exchange(shards)) == "a bug"
    assert len(shards.messages) == 9


def test_one_server_that_refuses_ends_nothing_that_others_can_finish():
    shards = Scripted(3, {1: ShardRefused(1, "wrong weights")})
    exchange(shards)
    assert len(shards.messages) == 12
    alone = Scripted(1, {0: ShardRefused(0, "wrong weights")}, fallback="fail")
    assert "wrong weights" in message_of(lambda: exchange(alone, [0] * 9))


def test_a_server_that_keeps_failing_is_set_aside_and_tried_once_after_a_rest():
    now = [0.0]
    shards = Scripted(3, {1: gone(1)})
    shards.breakers[1] = Breaker(Patience(rest=4.0), lambda: now[0])

    def asked(number: int) -> int:
        shards.asked.clear()
        exchange(shards, number=number)
        return [shard for shard, _ in shards.asked].count(1)

    assert [asked(number) for number in range(3)] == [1, 0, 0]
    now[0] = 4.0
    assert [asked(number) for number in range(3, 5)] == [1, 0]
    now[0] = 11.0
    assert asked(5) == 0, "the second rest is longer"
    now[0] = 12.0
    shards.script.clear()
    assert [asked(number) for number in range(6, 8)] == [1, 1]
    assert shards.breakers[1].failures == 0


def test_a_spot_check_finds_a_wrong_result():
    def slightly_off(answers):
        return answers | {4: Payload("float32", answers[4].data * np.float32(1.01))}

    careless = Scripted(3, {1: slightly_off})
    with pytest.raises(AssertionError):
        exchange(careless)
    careful = Scripted(3, {1: slightly_off}, spot_checks=1.0)
    exchange(careful)
    assert "spot check" in careful.quarantined[1]


@pytest.mark.parametrize("codec", TOKEN_CODECS)
def test_honest_servers_pass_spot_checks(sam, codec):
    """Also when windows are computed one by one, which rounds otherwise."""

    class Alone(SeparateShards):
        def _serve(self, round_, shard, windows):
            parts = [serve_windows(self.stage, round_, {w: windows[w]}) for w in windows]
            return {w: payload for part in parts for w, payload in part.items()}

    shards = Alone(2, spot_checks=1.0)
    DistributedEncoder(sam, shards, payload=codec, plan="prefix")(frame_of(256, 200))
    assert shards.quarantined == {}


@pytest.mark.parametrize("act", [gone(0), lambda a: spoilt(a, "nan")])
def test_a_centralised_server_has_stand_ins(act):
    round_ = round_of(SCENE)
    payloads = payloads_of(round_.grid, 0.0)
    right = Scripted(1).encode_image(round_, payloads)
    shards = Scripted(3, {0: act, 1: gone(1)})
    assert np.array_equal(shards.encode_image(round_, payloads).data, right.data)
    assert [shard for shard, _ in shards.asked] == [0, 1, 2]
    assert [m.delivered for m in shards.messages] == [False] * 18 + [True] * 9
    capped = Scripted(3, guard=Guard(caps=Caps(per_server=0.9)))
    assert np.array_equal(capped.encode_image(round_, payloads).data, right.data)
    assert capped.asked == []


def test_servers_work_at_once_and_the_edge_meanwhile():
    barrier = threading.Barrier(3, timeout=20)

    class Waiting(Scripted):
        def pool(self):
            return super(SeparateShards, self).pool()

        def _serve(self, round_, shard, windows):
            barrier.wait()
            return super()._serve(round_, shard, windows)

    class Stage(FakeStage):
        def run(self, blocks, windows):
            if threading.current_thread() is threading.main_thread():
                barrier.wait()
            return super().run(blocks, windows)

    shards = Waiting(2)
    shards.stage = Stage()
    exchange(shards, [0, 1, HOME, 0, 1, HOME, 0, 1, 0])


def test_a_send_is_in_the_ledger_before_it_leaves(tmp_path):
    counts = []

    class Watching(Scripted):
        def _serve(self, round_, shard, windows):
            counts.append(Ledger(tmp_path / "l.db").counts("yard"))
            return super()._serve(round_, shard, windows)

    exchange(Watching(3, guard=Guard(Ledger(tmp_path / "l.db"))))
    assert counts == [{"shard-0": 3, "shard-1": 3, "shard-2": 3}] * 3


KILLED = """
import os, sys
from framework.exposure import Guard, Ledger
from tests.framework.transport.test_orchestrator import Scripted, exchange
exchange(Scripted(3, {1: lambda answers: os._exit(9)}, guard=Guard(Ledger(sys.argv[1]))))
"""


@pytest.mark.slow
def test_an_edge_killed_amid_a_request_has_counted_what_it_sent(tmp_path):
    path = str(tmp_path / "l.db")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    process = subprocess.run([sys.executable, "-c", KILLED, path], env=environment, check=False)
    assert process.returncode == 9
    assert Ledger(path, create=False).counts("yard") == {"shard-0": 3, "shard-1": 3, "shard-2": 3}


@pytest.mark.parametrize("plan", ["interleaved", "centralized"])
def test_masks_are_those_of_the_undisturbed_run(sam, photos, plan):
    box = np.array([100, 50, 400, 300])
    masks = []
    for script, options in [
        ({}, {}),
        ({0: gone(0), 2: BadAnswer(2, "an old answer")}, {"guard": Guard(caps=Caps(0.6))}),
    ]:
        shards = Scripted(4, script, **options)
        predictor = DistributedSamPredictor(sam, shards, plan=plan, policy="strided", seed=0)
        predictor.set_image(photos["landscape"])
        masks.append(predictor.predict(box=box)[0])
    assert np.mean(masks[0] != masks[1]) < 1e-4
    observed = predictor.observation()
    assert plan == "centralized" or {0, 1, 2, 3} == {m.shard for m in observed.messages}


def test_nothing_at_home_when_the_edge_does_all(sam):
    shards = Scripted(2, {0: gone(0), 1: gone(1)})
    encoder = DistributedEncoder(sam, shards, plan="centralized")
    encoder(frame_of(256, 256))
    assert encoder.traffic.bytes_down == 0
    assert encoder.traffic.bytes_up == 2 * 256 * 256 * 3


def test_sensitive_windows_stay_at_home(sam):
    mask = np.zeros((512, 512), bool)
    mask[200:220, 200:220] = True
    policy = POLICIES.get("sensitive_local")(seed=0, mask=mask)
    encoder = DistributedEncoder(sam, SeparateShards(3), policy=policy, plan="prefix")
    encoder(frame_of(256, 256))
    seen = encoder.observation()
    hidden = set(range(25)) - set(seen.visible)
    assert hidden == {6}
    assert not seen.grid.pixel_mask(seen.visible)[100:110, 100:110].any()
    loads = np.bincount([m.shard for m in seen.messages])
    assert loads.max() - loads.min() <= 1


def test_bad_options():
    assert "edge, fail" in message_of(lambda: SeparateShards(2, fallback="cloud"))
    assert "0 to 1" in message_of(lambda: SeparateShards(2, spot_checks=2.0))
    assert "at least 0" in message_of(lambda: SeparateShards(2, retries=-1))


def test_the_stage_knows_its_widths(sam):
    stage = WindowStage(sam)
    assert (stage.width, stage.image_width) == (192, 128)
