"""`pedbench shard` as a process, and what ``deploy/`` starts."""

from __future__ import annotations

import signal
import socket
import threading
import urllib.request
from pathlib import Path

import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.cli import build_parser, main
from bench.latency.network.servers import ServerProcesses, shard_arguments
from framework import build_sam
from framework.transport.abort import Abort
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.client.channel import open_channel
from framework.transport.grpc.client.remote import GrpcShards
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.proto import shard_pb2_grpc
from framework.transport.patience import Patience

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
ENV = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def process(*flags: str) -> ServerProcesses:
    """`pedbench shard` with these flags, on a free port and without TLS."""
    arguments = ["shard", "--bind", "127.0.0.1:0", "--insecure", "--threads", "1", *flags]
    return ServerProcesses([arguments], env=ENV, quiet=True)


def refuses_connections(address: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def metrics(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return bytes(answer.read())


def test_several_servers_start_and_stop_together():
    port = free_port()
    with process("--count", "2", "--metrics-port", str(port)) as servers:
        addresses = servers.addresses[0].split(",")
        assert len(addresses) == 2
        with GrpcShards(addresses, patience=Patience(hello=20)) as shards:
            shards.bind(build_sam("tiny"))
            for link in shards.links:
                link.verify(shards.metadata, Abort())
        for number in range(2):
            assert b"pedbench_shard_windows_total 0.0" in metrics(port + number)
        servers.processes[0].send_signal(signal.SIGTERM)
        assert servers.processes[0].wait(60) == 0
    assert all(map(refuses_connections, addresses))


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "--client-ca"),
        (["--tls-cert", "a", "--tls-key", "b"], "--client-ca"),
        (["--tls-cert", "/no", "--tls-key", "/no", "--client-ca", "/no"], "cannot read /no"),
        (["--insecure", "--client-ca", "c"], "contradicts"),
        (["--insecure", "--bind", "nowhere"], "HOST:PORT"),
        (["--insecure", "--count", "0"], "--count"),
        (["--insecure", "--threads", "0"], "--threads"),
        (["--insecure", "--model", "tiny_"], "did you mean"),
        (["--insecure-anywhere", "--bind", "192.0.2.1:0"], "cannot listen"),
        (["--insecure", "--bind", "0.0.0.0:0"], "--insecure-anywhere"),
        (["--insecure", "--bind", "[::]:0"], "--insecure-anywhere"),
        (["--insecure", "--bind", "192.0.2.1:0"], "--insecure-anywhere"),
        (["--insecure", "--bind", "0.0.0.0:0", "--count", "2"], "--insecure-anywhere"),
        (["--count", "2", "--tls-cert", "a.crt", "--tls-key", "a.key"], "shard-{}.crt"),
    ],
)
def test_mistakes_are_named_in_one_line(capfd, flags, says):
    assert main(["shard", *flags]) == 2
    errors = [line for line in capfd.readouterr().err.splitlines() if "pedbench: error" in line]
    assert len(errors) == 1
    assert says in errors[0]


def test_the_end_of_input_asks_to_stop_and_a_signal_stops_at_once():
    with process("--grace", "1000", "--end-with-input") as servers:
        (server,) = servers.processes
        address = Address.parse(servers.addresses[0])
        with open_channel(address) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
            stub = shard_pb2_grpc.ShardStub(channel)
            held = threading.Event()
            call = stub.RunWindows(iter(held.wait, True))
            assert stub.ModelMetadata(pb.MetadataRequest(), timeout=20).model == "tiny"
            server.stdin.close()
            assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == -signal.SIGTERM
            held.set()
            call.cancel()


def test_plain_connections_beyond_this_machine_are_refused(capsys, tmp_path):
    prompt = ["segment", "photo.png", "--box", "1,1,9,9", "--out", str(tmp_path / "m.png")]
    for flags in (["--shards", "192.0.2.1:1", "--insecure"], ["--proxy", "127.0.0.1:1"]):
        assert main([*prompt, *flags]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "--insecure-anywhere" in line or "--shards" in line


def test_each_of_several_servers_has_its_own_key():
    text = ["shard", "--count", "2", "--tls-cert", "c/shard-{}.crt", "--tls-key", "c/shard-{}.key"]
    flags = shard_arguments(build_parser().parse_args(text), "127.0.0.1:8", 1)
    again = build_parser().parse_args(flags)
    assert (again.tls_cert, again.tls_key) == ("c/shard-1.crt", "c/shard-1.key")


def test_the_default_is_this_machine_alone():
    args = build_parser().parse_args(["shard"])
    assert args.bind.startswith("127.0.0.1:")
    assert args.metrics_port is None
    assert args.metrics_host == "127.0.0.1"


@pytest.fixture(scope="module")
def services() -> dict[str, dict]:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    return compose["services"]


def test_shards_share_no_network_and_the_edge_reaches_all(services):
    shards = {name: s for name, s in services.items() if name.startswith("shard")}
    networks = [set(service["networks"]) for service in shards.values()]
    assert len(networks) == 3
    assert len(set.union(*networks)) == sum(map(len, networks))
    assert set(services["edge"]["networks"]) == set.union(*networks)


def test_composed_commands_are_understood(services):
    for name, service in services.items():
        args = build_parser().parse_args(service["command"])
        targets = {s if isinstance(s, str) else s["target"] for s in service["secrets"]}
        files = [args.tls_cert, args.tls_key, getattr(args, "client_ca", None) or args.tls_ca]
        assert {file.removeprefix("/run/secrets/") for file in files} == targets
        if name == "edge":
            hosts = [address.partition(":")[0] for address in args.shards.split(",")]
            assert hosts == [other for other in services if other != "edge"]


def test_several_servers_get_the_flags_that_were_given():
    text = ["shard", "--count", "3", "--bind", "127.0.0.1:7", "--model", "vit_b", "--insecure"]
    flags = shard_arguments(build_parser().parse_args(text), "127.0.0.1:8", 1)
    again = build_parser().parse_args(flags)
    assert (again.bind, again.model, again.insecure) == ("127.0.0.1:8", "vit_b", True)
    assert again.count is None
    assert again.end_with_input
