"""One server counts as one, whatever it is called."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from framework import DistributedSamPredictor, GrpcShards
from framework.exposure import Caps, Guard
from framework.transport.abort import Abort
from framework.transport.faults import ShardUnavailable
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.security.certificates import write_certificates
from framework.transport.grpc.server.service import ShardService
from tests.framework.servers import HASTY, edge_tls, serving, shard_tls, shards_tls
from tests.framework.support import message_of

SPELLINGS = [
    "127.0.0.1:50051",
    "localhost:50051",
    "LOCALHOST:50051",
    "localhost.:50051",
    "127.0.0.2:50051",
    "127.1:50051",
    "0.0.0.0:50051",
    "[::1]:50051",
    "[0:0:0:0:0:0:0:1]:50051",
    "[::ffff:127.0.0.1]:50051",
    "[::]:50051",
]


@pytest.fixture(scope="module")
def certs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    write_certificates(folder, shards=2)
    return folder


@pytest.fixture(scope="module")
def server(sam) -> Iterator[int]:
    """The port of a server in plain."""
    with serving(sam, ShardService) as (address,):
        yield Address.parse(address).port


@pytest.mark.parametrize("pair", itertools.combinations(SPELLINGS, 2), ids="=".join)
def test_one_place_in_two_spellings_is_one_server(pair):
    assert "given twice" in message_of(lambda: GrpcShards(pair))


def test_an_own_number_of_this_machine_is_this_machine():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        own = probe.getsockname()[0]
    assert Address.parse(f"{own}:1").places() == {Address("127.0.0.1", 1)}
    assert Address.parse("192.0.2.1:1").places() == {Address("192.0.2.1", 1)}


@pytest.mark.parametrize("text", ["dns:///localhost:1", "ipv4:127.0.0.1:1", "unix:///tmp/s:1"])
def test_targets_in_gRPC_spelling_are_no_addresses(text):
    assert "HOST:PORT" in message_of(lambda: GrpcShards([text]))


def test_two_ports_are_two_servers():
    with GrpcShards(["127.0.0.1:1", "localhost:2"]) as shards:
        assert shards.count == 2


def test_spellings_add_up_in_one_ledger(sam, photos, server):
    guard = Guard(caps=Caps(per_server=0.3))
    for host in ("127.0.0.1", "localhost", "LOCALHOST"):
        with GrpcShards([f"{host}:{server}"], patience=HASTY, guard=guard) as shards:
            predictor = DistributedSamPredictor(sam, shards, plan="prefix")
            predictor.set_image(photos["odd"])
    assert list(guard.ledger.counts(predictor.view.scene)) == [f"127.0.0.1:{server}"]
    assert guard.ledger.coverage(predictor.view.scene).worst(1)[1] <= 0.3


def test_two_ports_with_one_key_are_refused_before_a_window_leaves(sam, photos, certs):
    guard = Guard()
    same = [shard_tls(certs)] * 2
    with (
        serving(sam, ShardService, ShardService, tls=same) as addresses,
        GrpcShards(addresses, edge_tls(certs), patience=HASTY, guard=guard) as shards,
    ):
        predictor = DistributedSamPredictor(sam, shards)
        assert "are one server (sha256:" in message_of(lambda: predictor.set_image(photos["odd"]))
    assert guard.ledger.scenes() == {}


def test_one_key_is_one_server_in_the_ledger(sam, photos, certs):
    guard = Guard(caps=Caps(per_server=0.3))
    names = set()
    for _ in range(2):
        with (
            serving(sam, ShardService, tls=shard_tls(certs)) as addresses,
            GrpcShards(addresses, edge_tls(certs), patience=HASTY, guard=guard) as shards,
        ):
            predictor = DistributedSamPredictor(sam, shards, plan="prefix")
            predictor.set_image(photos["odd"])
            names |= set(shards.names)
    assert len(names) == 1
    assert set(guard.ledger.counts(predictor.view.scene)) == names
    assert guard.ledger.coverage(predictor.view.scene).worst(1)[1] <= 0.3


def test_a_server_that_was_not_met_is_sent_nothing(sam, photos, certs):
    with socket.create_server(("127.0.0.1", 0)) as free:
        dead = f"127.0.0.1:{free.getsockname()[1]}"
    guard = Guard()
    with (
        serving(sam, ShardService, tls=shard_tls(certs)) as addresses,
        GrpcShards([*addresses, dead], edge_tls(certs), patience=HASTY, guard=guard) as shards,
    ):
        predictor = DistributedSamPredictor(sam, shards, plan="prefix")
        predictor.set_image(photos["odd"])
        assert set(guard.ledger.counts(predictor.view.scene)) == {shards.names[0]}


def test_a_channel_ends_at_the_server_whose_key_was_read(sam, photos, certs):
    with (
        serving(sam, ShardService, ShardService, tls=shards_tls(certs, 2)) as addresses,
        GrpcShards(addresses[:1], edge_tls(certs), patience=HASTY, fallback="fail") as shards,
    ):
        shards.bind(sam)
        link, other = shards.links[0], Address.parse(addresses[1])
        name = link.name
        link.address = other
        link._verified = None
        link.verify(shards.metadata, Abort())
        assert link.name != name
        assert not shards.knows(0)
        with pytest.raises(ShardUnavailable, match="another server than before"):
            link.stream(name, "RunWindows", iter([]), 1.0)
        predictor = DistributedSamPredictor(sam, shards, plan="prefix")
        predictor.set_image(photos["odd"])
        assert shards.names == [link.name]
