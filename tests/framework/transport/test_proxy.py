"""What variables of the environment say of proxies leads no window there."""

from __future__ import annotations

import http.server
import select
import socket
import threading
from collections.abc import Iterator

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from framework import DistributedSamPredictor, GrpcShards, LocalShards
from framework.exposure import Caps, Guard
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.client.channel import open_channel
from framework.transport.grpc.security.certificates import write_certificates
from framework.transport.grpc.server.service import ShardService
from tests.framework.servers import HASTY, edge_tls, serving, shards_tls

VARIABLES = ["http_proxy", "https_proxy", "grpc_proxy", "all_proxy"]
VARIABLES += [name.upper() for name in VARIABLES]
TWO = [ShardService] * 2


class Proxy(http.server.BaseHTTPRequestHandler):
    """Opens the tunnels that it is asked for, and keeps what goes up through them."""

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        self.server.asked.append(self.path)
        with socket.create_connection((host, int(port)), 5) as server:
            self.send_response(200)
            self.end_headers()
            self._relay(server)

    def _relay(self, server: socket.socket) -> None:
        ends = {self.connection: server, server: self.connection}
        while ready := select.select(list(ends), [], [], 20)[0]:
            for end in ready:
                data = end.recv(1 << 16)
                if not data:
                    return
                if end is self.connection:
                    self.server.heard += data
                ends[end].sendall(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def proxy() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.daemon_threads = True
        server.asked, server.heard = [], bytearray()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def through_it(proxy, monkeypatch) -> str:
    """HOST:PORT of the proxy, which every variable names."""
    address = f"127.0.0.1:{proxy.server_address[1]}"
    for name in VARIABLES:
        monkeypatch.setenv(name, f"http://{address}")
    monkeypatch.setenv("GRPC_ADDRESS_HTTP_PROXY", address)
    monkeypatch.setenv("GRPC_ADDRESS_HTTP_PROXY_ENABLED_ADDRESSES", "127.0.0.0/8")
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    return address


def test_a_proxy_never_sees_windows(sam, photos, proxy, through_it, tmp_path):
    write_certificates(tmp_path, shards=2)
    for files, edge in ((None, None), (shards_tls(tmp_path, 2), edge_tls(tmp_path))):
        with (
            serving(sam, *TWO, tls=files) as addresses,
            GrpcShards(addresses, edge, patience=HASTY, fallback="fail") as shards,
        ):
            DistributedSamPredictor(sam, shards, plan="prefix").set_image(photos["odd"])
    assert proxy.asked == []


def test_a_proxy_never_sees_health_checks(sam, proxy, through_it):
    with serving(sam, ShardService) as (address,), open_channel(Address.parse(address)) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status == 1
    assert proxy.asked == []


def test_a_proxy_asked_for_counts_as_a_server_where_it_sees_plain_text(sam, photos, through_it):
    guard = Guard()
    with (
        serving(sam, *TWO) as addresses,
        GrpcShards(addresses, patience=HASTY, proxy=through_it, guard=guard) as shards,
    ):
        predictor = DistributedSamPredictor(sam, shards, plan="prefix")
        predictor.set_image(photos["odd"])
    counts = guard.ledger.counts(predictor.view.scene)
    coverage = guard.ledger.coverage(predictor.view.scene)
    name = f"proxy {through_it}"
    assert set(counts) == {*addresses, name}
    assert counts[name] == sum(counts[address] for address in addresses) == 25
    assert coverage.of(name).all()
    assert not any(coverage.of(address).all() for address in addresses)


def test_a_cap_holds_for_the_proxy_too(sam, photos, proxy, through_it):
    guard = Guard(caps=Caps(per_server=0.3, coalition=(2, 0.35)))
    with (
        serving(sam, *TWO) as addresses,
        GrpcShards(addresses, patience=HASTY, proxy=through_it, guard=guard) as shards,
    ):
        predictor = DistributedSamPredictor(sam, shards, plan="prefix")
        predictor.set_image(photos["odd"])
    coverage = guard.ledger.coverage(predictor.view.scene)
    name = f"proxy {through_it}"
    assert 0.1 < coverage.of(name).mean() <= 0.3
    assert coverage.worst(2)[1] <= 0.35
    assert (coverage.of(name) == coverage.union(addresses)).all()


def test_under_tls_a_proxy_sees_no_plain_text_and_is_no_server(
    sam, photos, proxy, through_it, tmp_path
):
    write_certificates(tmp_path, shards=2)
    guard = Guard()
    here = DistributedSamPredictor(sam, LocalShards(2), plan="prefix")
    here.set_image(photos["odd"])
    options = {"patience": HASTY, "proxy": through_it, "guard": guard, "fallback": "fail"}
    with (
        serving(sam, *TWO, tls=shards_tls(tmp_path, 2)) as addresses,
        GrpcShards(addresses, edge_tls(tmp_path), **options) as shards,
    ):
        predictor = DistributedSamPredictor(sam, shards, plan="prefix")
        predictor.set_image(photos["odd"])
        assert set(guard.ledger.counts(predictor.view.scene)) == set(shards.names)
    assert set(proxy.asked) == set(addresses)
    assert b"RunWindows" not in proxy.heard
    assert (predictor.features - here.features).abs().max() <= 1e-5
