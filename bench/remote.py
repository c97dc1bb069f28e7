"""The flags of commands that can use servers on other hosts."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bench.arguments import positive

if TYPE_CHECKING:
    from framework import GrpcShards


@dataclass(frozen=True)
class Remote:
    """Servers as named on the command line; plain data, so that worker processes can have it.

    Attributes:
        addresses: ``HOST:PORT`` of each.
        tls: certificate, key and authority; ``None`` connects in plain.
        deadline: seconds for one server's part of a round.
    """

    addresses: tuple[str, ...]
    tls: tuple[str, str, str] | None
    deadline: float = 60.0

    def check(self, n_shards: int) -> None:
        """Refuse a pipeline that is not for as many servers.

        Raises:
            PedbenchError: says for how many it is.
        """
        from framework.errors import PedbenchError

        if n_shards != len(self.addresses):
            raise PedbenchError(
                f"a pipeline of this run is for {n_shards} shards and --shards names "
                f"{len(self.addresses)}: name as many, or give a preset for that number"
            )

    def connect(self, **options: Any) -> GrpcShards:
        """The transport; ``options`` as in `Shards`."""
        from framework import GrpcShards, Tls
        from framework.shard.link import Patience

        tls = None if self.tls is None else Tls(*self.tls)
        patience = Patience(deadline=self.deadline)
        return GrpcShards(self.addresses, tls, patience=patience, **options)


@lru_cache
def connection(remote: Remote) -> GrpcShards:
    """The one connection of this process to these servers."""
    return remote.connect()


def add_remote_flags(parser: argparse.ArgumentParser) -> None:
    """Describe the flags."""
    group = parser.add_argument_group("servers on other hosts")
    group.add_argument(
        "--shards", metavar="A,B,C", help="HOST:PORT of each server (see 'pedbench shard')"
    )
    group.add_argument("--tls-cert", metavar="FILE", help="this edge's certificate, PEM")
    group.add_argument("--tls-key", metavar="FILE", help="its private key, PEM")
    group.add_argument("--tls-ca", metavar="FILE", help="the authority of the servers, PEM")
    group.add_argument("--insecure", action="store_true", help="connect without TLS")
    group.add_argument(
        "--deadline", type=positive, metavar="SECONDS", default=60.0, help="for a server's part"
    )


def read_remote_flags(args: argparse.Namespace) -> Remote | None:
    """The servers asked for; ``None`` when everything runs in this process.

    Raises:
        PedbenchError: flags that contradict each other, or none that says how to connect.
    """
    from framework.errors import PedbenchError

    files = (args.tls_cert, args.tls_key, args.tls_ca)
    if args.shards is None:
        if any(files) or args.insecure:
            raise PedbenchError("TLS flags without servers: give --shards HOST:PORT,… as well")
        return None
    tls = tls_files(files, args.insecure, "--tls-cert, --tls-key and --tls-ca")
    addresses = tuple(part.strip() for part in args.shards.split(",") if part.strip())
    if not addresses:
        raise PedbenchError("--shards names no server: give HOST:PORT,…")
    return Remote(addresses, tls, args.deadline)


def tls_files(
    files: tuple[str | None, ...], insecure: bool, names: str
) -> tuple[str, str, str] | None:
    """All three files, or ``None`` for plain connections that were asked for.

    Raises:
        PedbenchError: some are missing, or contradict ``--insecure``.
    """
    from framework.errors import PedbenchError

    cert, key, ca = files
    if insecure:
        if any(files):
            raise PedbenchError(f"--insecure contradicts {names}: leave one of them out")
        return None
    if not (cert and key and ca):
        raise PedbenchError(
            f"TLS needs {names}: 'pedbench certs --out DIR' makes them for a trial, "
            "or give --insecure on one machine"
        )
    return cert, key, ca
