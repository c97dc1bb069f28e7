"""Shard servers in this process, for tests that need no process of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Queue

from framework import Tls
from framework.models.build import PedSam
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.server.lifecycle import Settings, serve
from framework.transport.grpc.server.service import ShardService
from framework.transport.patience import Patience

LOOPBACK = Address("127.0.0.1", 0)
HASTY = Patience(deadline=20, hello=5, tries=2, pause=0.02, rest=0.0)
SETTINGS = Settings(LOOPBACK, grace=2)


@contextmanager
def serving(
    sam: PedSam,
    *services: type[ShardService],
    settings: Settings = SETTINGS,
    tls: Sequence[Tls | None] | Tls | None = None,
) -> Iterator[list[str]]:
    """A server for each implementation, all in one thread; their addresses."""
    files = [tls] * len(services) if isinstance(tls, Tls) or tls is None else tls
    addresses: Queue[tuple[int, str]] = Queue()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def all_of_them() -> None:
        ready = [partial(_announce, addresses, number) for number in range(len(services))]
        await asyncio.gather(
            *(
                serve(sam, replace(settings, tls=own), say, service, stop)
                for say, service, own in zip(ready, services, files, strict=True)
            )
        )

    thread = threading.Thread(target=loop.run_until_complete, args=[all_of_them()], daemon=True)
    thread.start()
    try:
        found = dict(addresses.get(timeout=30) for _ in services)
        yield [found[number] for number in range(len(services))]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def _announce(addresses: Queue[tuple[int, str]], number: int, address: str) -> None:
    addresses.put((number, address))


def edge_tls(folder: Path) -> Tls:
    """The edge's files among those that ``pedbench certs`` writes."""
    return Tls(folder / "edge.crt", folder / "edge.key", folder / "ca.crt")


def shard_tls(folder: Path, name: str = "shard") -> Tls:
    """A server's files."""
    return Tls(folder / f"{name}.crt", folder / f"{name}.key", folder / "ca.crt")


def shards_tls(folder: Path, count: int) -> list[Tls]:
    """The files of several servers, each with a key of its own."""
    return [shard_tls(folder, f"shard-{number}") for number in range(count)]
