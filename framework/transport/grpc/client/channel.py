"""Channels to servers: all are opened here, past every proxy but one that was asked for."""

from __future__ import annotations

import grpc

from framework.transport.grpc.client.address import Address

OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.address_http_proxy_enabled_addresses", "255.255.255.255/32"),
]
"""gRPC's own retries are off: every send of a window is one the edge knows of and has entered.

(They would also stop in silence for calls above 256 KiB, the size of their buffer.) The last option
takes the variable ``GRPC_ADDRESS_HTTP_PROXY`` its effect: it is for an address that no server has.
"""


def open_channel(
    address: Address,
    credentials: grpc.ChannelCredentials | None = None,
    proxy: Address | None = None,
    largest: int | None = None,
) -> grpc.Channel:
    """A channel to one server.

    Proxies that ``http_proxy`` and its kin name are passed over: in plain they would see all that
    is sent.

    Args:
        address: where the server listens.
        credentials: for TLS; in plain without.
        proxy: an HTTP proxy to go through.
        largest: bytes of a message that is accepted; gRPC's own 4 MiB without.
    """
    options = [*OPTIONS, ("grpc.enable_http_proxy", int(proxy is not None))]
    if largest is not None:
        options.append(("grpc.max_receive_message_length", largest))
    if proxy is not None:
        options.append(("grpc.http_proxy", f"http://{proxy}"))
    target = f"dns:///{address}"
    if credentials is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, credentials, options)
