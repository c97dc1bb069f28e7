"""Ctrl-C ends what waits for servers at once, and a hung one is not waited for over and over."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from time import monotonic
from typing import ClassVar

import numpy as np
import pytest

from framework import DistributedSamPredictor, GrpcShards, LocalShards
from framework.split.edge import DistributedEncoder
from framework.transport.abort import Abort, Aborted
from framework.transport.base import SeparateShards
from framework.transport.grpc.server.service import ShardService
from framework.transport.patience import Patience
from framework.transport.stage import WindowStage
from tests.chaos.evil import Hung, Mute
from tests.framework.servers import serving
from tests.framework.support import frame_of

pytestmark = pytest.mark.slow

PATIENT = Patience(deadline=100, hello=100, rest=1000)


class Waits(ShardService):
    """Never answers; notes for how many seconds the edge waited."""

    asked = threading.Event()
    ended = threading.Event()
    waited: ClassVar[list[float]] = []

    async def _windows(self, stream, context, work, client):
        await self._wait(context)

    async def _image(self, stream, context, work, client):
        await self._wait(context)

    async def _wait(self, context):
        begun = monotonic()
        self.asked.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.waited.append(monotonic() - begun)
            self.ended.set()
            raise


class Silent(Waits):
    """Does not even introduce itself."""

    async def ModelMetadata(self, request, context):
        await self._wait(context)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C reaches Python, even where the suite runs in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def servers(sam) -> Iterator[dict[str, str]]:
    services = (ShardService, Waits, Silent, Hung, Mute)
    with serving(sam, *services) as addresses:
        yield {s.__name__: a for s, a in zip(services, addresses, strict=True)}


def interrupt_when_asked() -> None:
    """Press Ctrl-C once the server has the request."""
    main = threading.main_thread().ident
    Waits.asked.clear()
    Waits.ended.clear()
    Waits.waited.clear()

    def press() -> None:
        Waits.asked.wait(60)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()


@pytest.mark.parametrize(
    ("name", "plan"),
    [("Waits", "interleaved"), ("Waits", "centralized"), ("Silent", "interleaved")],
)
def test_ctrl_c_cancels_what_a_hung_server_was_asked(sam, photos, servers, name, plan):
    with GrpcShards([servers[name]], patience=PATIENT) as shards:
        predictor = DistributedSamPredictor(sam, shards, plan=plan)
        interrupt_when_asked()
        with pytest.raises(KeyboardInterrupt):
            predictor.set_image(photos["odd"])
    assert Waits.ended.wait(60)
    assert Waits.waited[0] < PATIENT.deadline / 2, "the deadline was waited for"


def test_ctrl_c_with_several_pictures_in_flight(sam, servers):
    with GrpcShards([servers["Waits"]], patience=PATIENT) as shards:
        encoder = DistributedEncoder(sam, shards)
        interrupt_when_asked()
        with pytest.raises(KeyboardInterrupt):
            list(encoder.encode_many([frame_of(256, 256)] * 4, in_flight=2))
    assert Waits.ended.wait(60)
    assert Waits.waited[0] < PATIENT.deadline / 2


def test_a_call_that_began_as_the_request_was_given_up_is_cancelled():
    abort, cancelled = Abort(), []
    abort.now()
    with pytest.raises(Aborted), abort.holding(lambda: cancelled.append(True)):
        raise AssertionError("the request goes on")
    assert cancelled == [True]


class Pressed(WindowStage):
    """Ctrl-C comes while windows are computed."""

    def run(self, blocks, windows):
        signal.raise_signal(signal.SIGINT)
        return super().run(blocks, windows)


@pytest.mark.parametrize("transport", [LocalShards, SeparateShards])
def test_ctrl_c_ends_shards_in_this_process(sam, transport):
    class Interrupted(transport):
        begun = 0

        def bind(self, sam):
            self.stage = Pressed(sam)
            self.begun += 1

    shards = Interrupted(3)
    encoder = DistributedEncoder(sam, shards)
    with pytest.raises(KeyboardInterrupt):
        encoder(frame_of(256, 256))
    with pytest.raises(KeyboardInterrupt):
        list(encoder.encode_many([frame_of(256, 256)] * 4, in_flight=3))
    assert shards.begun == 2, "no further picture is begun"
    assert shards.taps == []


def test_what_is_given_up_begins_nothing_more():
    abort, cancelled = Abort(), []
    with abort.holding(lambda: cancelled.append(1)):
        abort.now()
    assert cancelled == [1]
    for act in (
        abort.check,
        lambda: abort.sleep(100),
        lambda: abort.run(lambda: 1),
        lambda: abort.holding(print).__enter__(),
    ):
        with pytest.raises(Aborted):
            act()


def test_what_cannot_be_cancelled_is_left_behind():
    abort, release = Abort(), threading.Event()
    threading.Timer(0.05, abort.now).start()
    with pytest.raises(Aborted):
        abort.run(lambda: release.wait(60))
    release.set()
    assert Abort().run(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        Abort().run(lambda: 1 / 0)


@pytest.mark.parametrize("name", ["Hung", "Mute"])
def test_a_hung_server_is_waited_for_once_and_then_set_aside(sam, photos, servers, name):
    patience = Patience(deadline=1, hello=1, rest=1000)
    right = DistributedSamPredictor(sam, LocalShards(2), plan="prefix")
    right.set_image(photos["odd"])
    with GrpcShards([servers["ShardService"], servers[name]], patience=patience) as shards:
        predictor = DistributedSamPredictor(sam, shards, plan="prefix")
        asked = []
        for _ in range(4):
            predictor.set_image(photos["odd"])
            asked.append(1 in {message.shard for message in predictor.encoder.last.messages})
            assert (predictor.features - right.features).abs().max() <= 1e-5
        assert asked == [name == "Hung", False, False, False]
        assert shards.breakers[1].failures == 1
        shards.breakers[1]._rest_until = 0.0
        predictor.set_image(photos["odd"])
        assert shards.breakers[1].failures == 2


def test_deadlines_shrink_with_what_servers_take(sam, photos, servers):
    patience = Patience(deadline=600, floor=0.5, rest=1000)
    with GrpcShards([servers["ShardService"], servers["Hung"]], patience=patience) as shards:
        shards.pace.note(0, False, 1000, 0.05)
        predictor = DistributedSamPredictor(sam, shards, plan="prefix")
        predictor.set_image(photos["odd"])
        assert shards.breakers[1].failures == 1
        assert np.isfinite(predictor.features.numpy()).all()
        assert shards.pace.deadline(0, False, 1, 0) < 600
