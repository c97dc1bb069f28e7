"""A live server: whom it serves, how much, what it writes down, and how it ends."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from framework import Tls
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.client.channel import open_channel
from framework.transport.grpc.protocol.proto import shard_pb2_grpc
from framework.transport.grpc.security.certificates import write_certificates
from framework.transport.grpc.server.lifecycle import SERVICE
from framework.transport.grpc.server.limits import Busy, Clients, Limits
from framework.transport.grpc.server.logs import JsonLines
from framework.transport.grpc.server.service import ShardService
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


def test_a_draining_server_finishes_says_so_and_takes_no_more(sam):
    Occupied.let.clear()
    Occupied.busy.clear()
    found: list[Code] = []
    running = threading.Thread(
        target=lambda: found.append(status_of(channel, opening(sam), window()))
    )

    def while_it_drains():
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", SERVICE):
            state = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            states.append(state.status)
        more.append(status_of(channel, opening(sam), window(), timeout=10))
        Occupied.let.set()

    states: list[int] = []
    more: list[Code] = []
    with serving(sam, Occupied, settings=replace(SETTINGS, grace=20)) as (address,):
        channel = open_channel(Address.parse(address))
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        running.start()
        assert Occupied.busy.wait(20)
        asking = threading.Thread(target=while_it_drains)
        asking.start()
    asking.join()
    running.join()
    assert states == [health_pb2.HealthCheckResponse.NOT_SERVING] * 2
    assert more == [Code.UNAVAILABLE]
    assert found == [Code.OK]
    assert status_of(channel, opening(sam), window(), timeout=5) == Code.UNAVAILABLE
    channel.close()


def watches(channel: grpc.Channel, count: int) -> list[grpc.Call]:
    stub = health_pb2_grpc.HealthStub(channel)
    return [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(count)]


@pytest.mark.parametrize("limits", [Limits(watches=2), Limits(all_watches=2)])
def test_health_streams_are_bounded(sam, limits):
    with (
        serving(sam, ShardService, settings=replace(SETTINGS, limits=limits)) as (address,),
        connected(address) as channel,
    ):
        first = watches(channel, 2)
        for watch in first:
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        (one_more,) = watches(channel, 1)
        with pytest.raises(grpc.RpcError) as caught:
            next(one_more)
        assert caught.value.code() == Code.RESOURCE_EXHAUSTED
        first[0].cancel()
        assert status_of(channel, opening(sam), window()) == Code.OK


def ended_by_the_server(address: str) -> bool:
    """Whether a connection on which nothing is said is closed."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.settimeout(20)
        while connection.recv(1 << 12):
            pass
    return True


def test_connections_that_stay_silent_are_ended(sam):
    limits = Limits(handshake_seconds=0.3, idle_connection_seconds=0.3)
    with serving(sam, ShardService, settings=replace(SETTINGS, limits=limits)) as (address,):
        assert ended_by_the_server(address)


@pytest.mark.parametrize("name", ["idle_connection_seconds", "connection_seconds"])
def test_idle_and_old_connections_are_ended_and_calls_go_on(sam, name):
    limits = Limits(**{name: 0.2})
    states: Queue[grpc.ChannelConnectivity] = Queue()
    with (
        serving(sam, ShardService, settings=replace(SETTINGS, limits=limits)) as (address,),
        connected(address) as channel,
    ):
        channel.subscribe(states.put)
        assert status_of(channel, opening(sam), window()) == Code.OK
        while states.get(timeout=20) is not grpc.ChannelConnectivity.READY:
            pass
        while states.get(timeout=20) is grpc.ChannelConnectivity.READY:
            pass
        assert status_of(channel, opening(sam), window()) == Code.OK


def test_connections_are_counted(sam):
    limits = Limits(connections=2)
    with serving(sam, ShardService, settings=replace(SETTINGS, limits=limits)) as (address,):
        host, _, port = address.rpartition(":")
        held = [socket.create_connection((host, int(port)), 20) for _ in range(2)]
        for connection in held:
            connection.recv(1)
        assert ended_by_the_server(address)
        for connection in held:
            connection.close()


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
    entries = [json.loads(line) for line in lines]
    good = next(entry for entry in entries if entry.get("session") == "beef")
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
