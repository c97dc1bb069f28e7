"""A live server: whom it serves, how much, what it writes down, and how it ends."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from framework import Tls
from framework.shard.certificates import write_certificates
from framework.shard.limits import Busy, Clients, Limits
from framework.shard.logs import JsonLines
from framework.shard.proto import shard_pb2_grpc
from framework.shard.server import SERVICE
from framework.shard.service import ShardService
from tests.framework.calls import SIDE, WIDTH, Code, connected, opening, status_of, window
from tests.framework.servers import SETTINGS, edge_tls, serving, shard_tls


@pytest.fixture(scope="module")
def certs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    write_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def address(sam, certs) -> Iterator[str]:
    with serving(sam, ShardService, tls=shard_tls(certs)) as addresses:
        yield addresses[0]


@pytest.fixture(scope="module")
def channel(address, certs) -> Iterator[grpc.Channel]:
    with connected(address, edge_tls(certs)) as channel:
        yield channel


def test_callers_without_a_certificate_are_turned_away(address, certs, tmp_path, sam):
    other = tmp_path / "other"
    write_certificates(other)
    ca = certs / "ca.crt"
    strangers = [
        None,
        Tls(other / "edge.crt", other / "edge.key", ca),
        Tls(certs / "shard.crt", certs / "shard.key", ca),
    ]
    for tls in strangers:
        with connected(address, tls) as channel:
            assert status_of(channel, opening(sam), window(), timeout=5) != Code.OK
    anonymous = grpc.secure_channel(address, grpc.ssl_channel_credentials(ca.read_bytes()))
    with anonymous as channel:
        assert status_of(channel, opening(sam), window(), timeout=5) != Code.OK


class Occupied(ShardService):
    """Computes only when it is let."""

    let = threading.Event()
    busy = threading.Event()

    async def _compute(self, works, act):
        def held():
            self.busy.set()
            self.let.wait(20)
            return act()

        return await super()._compute(works, held)


@pytest.fixture
def occupied(sam) -> Iterator[str]:
    Occupied.let.clear()
    Occupied.busy.clear()
    limits = Limits(sessions=1, windows=3, idle_seconds=0.3)
    with serving(sam, Occupied, settings=replace(SETTINGS, limits=limits)) as addresses:
        yield addresses[0]
        Occupied.let.set()


def test_health_and_limits_while_it_computes(occupied, sam):
    found: list[Code] = []
    with connected(occupied) as channel:
        first = threading.Thread(
            target=lambda: found.append(status_of(channel, opening(sam), window()))
        )
        first.start()
        assert Occupied.busy.wait(20)
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE):
            state = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert state.status == health_pb2.HealthCheckResponse.SERVING
        assert status_of(channel, opening(sam), window()) == Code.RESOURCE_EXHAUSTED
        Occupied.let.set()
        first.join()
        assert found == [Code.OK]
        many = opening(sam, 3)
        assert status_of(channel, many, *map(window, range(3))) == Code.RESOURCE_EXHAUSTED


def test_a_silent_client_loses_its_session(occupied, sam):
    Occupied.let.set()
    hold = threading.Event()

    def requests():
        yield opening(sam)
        hold.wait(20)

    with connected(occupied) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            list(shard_pb2_grpc.ShardStub(channel).RunWindows(requests(), timeout=20))
        hold.set()
        assert caught.value.code() == Code.DEADLINE_EXCEEDED
        assert "nothing came" in caught.value.details()
        assert status_of(channel, opening(sam), window()) == Code.OK


def test_draining_lets_the_running_call_finish(sam):
    Occupied.let.clear()
    Occupied.busy.clear()
    found: list[Code] = []
    with serving(sam, Occupied, settings=replace(SETTINGS, grace=20)) as (address,):
        channel = grpc.insecure_channel(address)
        running = threading.Thread(
            target=lambda: found.append(status_of(channel, opening(sam), window()))
        )
        running.start()
        assert Occupied.busy.wait(20)
        threading.Timer(0.3, Occupied.let.set).start()
    running.join()
    assert found == [Code.OK]
    assert status_of(channel, opening(sam), window(), timeout=5) == Code.UNAVAILABLE
    channel.close()


def test_logs_are_json_and_hold_no_payload(channel, sam, caplog):
    secret = np.random.default_rng(1).normal(size=(SIDE, SIDE, WIDTH)).astype(np.float32)
    caplog.set_level(logging.INFO, "pedbench.shard")
    assert status_of(channel, opening(sam, session="beef"), window(3, secret)) == Code.OK
    wrong = opening(sam, session="SECRET-TEXT")
    assert status_of(channel, wrong, window()) == Code.INVALID_ARGUMENT
    deadline = time.monotonic() + 10
    while len(caplog.records) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    lines = [JsonLines().format(record) for record in caplog.records]
    facts = [json.loads(line) for line in lines]
    good = next(fact for fact in facts if fact.get("session") == "beef")
    assert good["client"] == "edge"
    assert good["windows"] == 1
    assert good["bytes_up"] == secret.nbytes
    assert good["status"] == "OK"
    for line in lines:
        assert len(line) < 600
        assert "SECRET" not in line
        assert f"{secret[0, 0, 0]:.4f}" not in line


def test_metrics_count(sam):
    made: list[ShardService] = []

    class Counted(ShardService):
        def __init__(self, *args) -> None:
            super().__init__(*args)
            made.append(self)

    with serving(sam, Counted) as (address,), connected(address) as channel:
        assert status_of(channel, opening(sam), window()) == Code.OK
        assert status_of(channel, window()) == Code.INVALID_ARGUMENT
    value = made[0].metrics.registry.get_sample_value
    prefix = "pedbench_shard_"
    labels = {"method": "RunWindows", "status": "INVALID_ARGUMENT"}
    assert value(f"{prefix}calls_total", labels) == 1
    assert value(f"{prefix}windows_total") == 1
    assert value(f"{prefix}payload_bytes_total", {"direction": "up"}) == SIDE * SIDE * WIDTH * 4
    assert value(f"{prefix}open_calls") == 0
    assert value(f"{prefix}compute_seconds_count") == 1


def test_windows_a_minute_refill():
    now = [0.0]
    clients = Clients(Limits(windows=60), clock=lambda: now[0])
    clients.take("a", 60)
    with pytest.raises(Busy):
        clients.take("a", 1)
    clients.take("b", 60)
    now[0] = 10.0
    clients.take("a", 10)
    with pytest.raises(Busy):
        clients.take("a", 1)
    now[0] = 1000.0
    clients.take("a", 60)
    with pytest.raises(Busy):
        clients.take("a", 61)
