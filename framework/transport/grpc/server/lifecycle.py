"""A shard server's life: bind, serve, drain."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.protocol.proto import shard_pb2, shard_pb2_grpc
from framework.transport.grpc.security.tls import Tls
from framework.transport.grpc.server.health import Health
from framework.transport.grpc.server.limits import Limits
from framework.transport.grpc.server.logs import log
from framework.transport.grpc.server.metrics import Metrics
from framework.transport.grpc.server.service import ShardService

SERVICE = shard_pb2.DESCRIPTOR.services_by_name["Shard"].full_name
OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
]
"""A port has one server; a silent client is noticed. The receive limit stays gRPC's: 4 MiB."""

STREAMS = 128
"""Of one connection at once."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LAST_WORDS = 0.5
"""Seconds for answers on their way, and health streams, when all calls have ended."""

Ready = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """How a server runs.

    Attributes:
        bind: where it listens; port 0 takes a free one.
        tls: its certificate and the authority of its clients; ``None`` serves anyone in plain.
        limits: bounds on each client.
        metrics_host, metrics_port: where Prometheus may ask; nowhere without a port.
        grace: seconds that calls may take to finish after a stop is asked for.
    """

    bind: Address
    tls: Tls | None = None
    limits: Limits = field(default_factory=Limits)
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    grace: float = 30.0


def run_server(
    sam: PedSam,
    settings: Settings,
    ready: Ready = lambda address: None,
    service: type[ShardService] = ShardService,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends the process at once.

    Args:
        sam: the model served.
        settings: where and how.
        ready: called with HOST:PORT once the server listens.
        service: the implementation; tests put misbehaving ones here.

    Raises:
        PedbenchError: the address or the metrics port cannot be had.
    """
    asyncio.run(_until_signalled(sam, settings, ready, service))


async def _until_signalled(
    sam: PedSam, settings: Settings, ready: Ready, service: type[ShardService]
) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def first() -> None:
        stop.set()
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in SIGNALS:
        loop.add_signal_handler(number, first)
    await serve(sam, settings, ready, service, stop)


async def serve(
    sam: PedSam,
    settings: Settings,
    ready: Ready,
    service: type[ShardService],
    stop: asyncio.Event,
) -> None:
    """As `run_server`, in a running event loop and until ``stop`` is set."""
    metrics = Metrics()
    if settings.metrics_port is not None:
        metrics.serve(settings.metrics_host, settings.metrics_port)
    server = grpc.aio.server(options=_options(settings.limits))
    shard = service(sam, settings.limits, metrics)
    shard_pb2_grpc.add_ShardServicer_to_server(shard, server)
    status = Health(settings.limits)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    address = _listen(server, settings)
    await server.start()
    for name in ("", SERVICE):
        await status.set(name, health_pb2.HealthCheckResponse.SERVING)
    key = "none" if settings.tls is None else settings.tls.key_name()
    log("serving", address=address, model=sam.arch.name, key=key)
    ready(address)
    await stop.wait()
    log("draining", grace=settings.grace)
    await status.enter_graceful_shutdown()
    await shard.drain(settings.grace)
    await server.stop(min(settings.grace, LAST_WORDS))
    log("stopped")


def _options(limits: Limits) -> list[tuple[str, int]]:
    bounds = {
        "max_connection_idle_ms": limits.idle_connection_seconds,
        "max_connection_age_ms": limits.connection_seconds,
        "max_connection_age_grace_ms": limits.call_seconds,
        "server_handshake_timeout_ms": limits.handshake_seconds,
    }
    return [
        *OPTIONS,
        *((f"grpc.{name}", round(seconds * 1000)) for name, seconds in bounds.items()),
        ("grpc.max_concurrent_streams", STREAMS),
        ("grpc.max_allowed_incoming_connections", limits.connections),
    ]


def _listen(server: grpc.aio.Server, settings: Settings) -> str:
    """Take the port; HOST:PORT as it came out."""
    address = settings.bind
    try:
        if settings.tls is None:
            port = server.add_insecure_port(str(address))
        else:
            port = server.add_secure_port(str(address), settings.tls.of_server())
    except RuntimeError as error:
        raise PedbenchError(
            f"cannot listen on {address}: the port is taken or the host is not this machine's, "
            "give another --bind"
        ) from error
    return str(Address(address.host, port))
