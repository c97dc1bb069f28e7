"""A shard server's life: bind, serve, drain."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.shard.address import Address
from framework.shard.limits import Limits
from framework.shard.logs import log
from framework.shard.metrics import Metrics
from framework.shard.proto import shard_pb2, shard_pb2_grpc
from framework.shard.service import ShardService
from framework.shard.tls import Tls

SERVICE = shard_pb2.DESCRIPTOR.services_by_name["Shard"].full_name
OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
]
"""A port has one server; a silent client is noticed. The receive limit stays gRPC's: 4 MiB."""

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
    """Serve until SIGTERM or SIGINT, then drain.

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
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
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
    server = grpc.aio.server(options=OPTIONS)
    shard_pb2_grpc.add_ShardServicer_to_server(service(sam, settings.limits, metrics), server)
    status = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    address = _listen(server, settings)
    await server.start()
    for name in ("", SERVICE):
        await status.set(name, health_pb2.HealthCheckResponse.SERVING)
    log("serving", address=address, model=sam.arch.name, tls=int(settings.tls is not None))
    ready(address)
    await stop.wait()
    log("draining", grace=settings.grace)
    await status.enter_graceful_shutdown()
    await server.stop(settings.grace)
    log("stopped")


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
