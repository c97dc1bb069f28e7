"""The flags of commands that can use servers on other hosts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bench.flags.arguments import positive

if TYPE_CHECKING:
    from framework import GrpcShards
    from framework.transport.grpc.client.address import Address


@dataclass(frozen=True)
class Remote:
    """Servers as named on the command line; plain data, so that worker processes can have it.

    Attributes:
        addresses: ``HOST:PORT`` of each.
        tls: certificate, key and authority; ``None`` connects in plain.
        deadline: seconds for one server's part of a round.
        proxy: ``HOST:PORT`` of an HTTP proxy to go through.
    """

    addresses: tuple[str, ...]
    tls: tuple[str, str, str] | None
    deadline: float = 60.0
    proxy: str | None = None

    def check(self, n_shards: int) -> None:
        """Refuse a pipeline that is not for as many servers.

        Raises:
            PedbenchError: says for how many it is.
        """
        from framework.errors import PedbenchError

        if self.proxy and self.tls is None:
            raise PedbenchError(
                "a proxy reads plain text along, and no observation of a run holds that: "
                "use TLS, or leave --proxy out"
            )
        if n_shards != len(self.addresses):
            raise PedbenchError(
                f"a pipeline of this run is for {n_shards} shards and --shards names "
                f"{len(self.addresses)}: name as many, or give a preset for that number"
            )

    def connect(self, **options: Any) -> GrpcShards:
        """The transport; ``options`` as in `Shards`."""
        from framework import GrpcShards, Tls
        from framework.transport.patience import Patience

        tls = None if self.tls is None else Tls(*self.tls)
        patience = Patience(deadline=self.deadline)
        return GrpcShards(self.addresses, tls, patience=patience, proxy=self.proxy, **options)


@lru_cache
def connection(remote: Remote) -> GrpcShards:
    """The one connection of this process to these servers."""
    return remote.connect()


def add_remote_flags(parser: argparse.ArgumentParser) -> None:
    """Describe the flags."""
    group = parser.add_argument_group("servers on other hosts")
    group.add_argument(
        "--shards",
        metavar="A,B,C",
        help="use the servers at these HOST:PORT (see 'pedbench shard')",
    )
    add_tls_flags(group, "--tls-ca", "servers", "connect")
    group.add_argument(
        "--proxy",
        metavar="HOST:PORT",
        help="connect through this HTTP proxy (default: none; http_proxy is ignored)",
    )
    group.add_argument(
        "--deadline",
        type=positive,
        metavar="SECONDS",
        default=60.0,
        help="wait at most SECONDS for a server's part of a round (default: 60)",
    )


def add_tls_flags(
    parser: argparse._ActionsContainer, authority: str, peers: str, verb: str
) -> None:
    """Describe the flags of one side of mutual TLS: its files, and how to do without."""
    parser.add_argument("--tls-cert", metavar="FILE", help="present this certificate, PEM")
    parser.add_argument("--tls-key", metavar="FILE", help="use this private key, PEM")
    parser.add_argument(authority, metavar="FILE", help=f"accept {peers} of this authority, PEM")
    plain = {"--insecure": "on this machine only", "--insecure-anywhere": "over a network too"}
    for flag, where in plain.items():
        parser.add_argument(flag, action="store_true", help=f"{verb} without TLS, {where}")


def read_remote_flags(args: argparse.Namespace) -> Remote | None:
    """The servers asked for; ``None`` when everything runs in this process.

    Raises:
        PedbenchError: flags that contradict each other, or none that says how to connect.
    """
    from framework.errors import PedbenchError
    from framework.transport.grpc.client.address import Address

    files = (args.tls_cert, args.tls_key, args.tls_ca)
    if args.shards is None:
        if any(files) or args.insecure or args.insecure_anywhere or args.proxy:
            raise PedbenchError(
                "TLS flags or --proxy without servers: give --shards HOST:PORT,… as well"
            )
        return None
    addresses = tuple(part.strip() for part in args.shards.split(",") if part.strip())
    if not addresses:
        raise PedbenchError("--shards names no server: give HOST:PORT,…")
    plain = plain_allowed(args, [Address.parse(text) for text in addresses])
    tls = tls_files(files, plain, "--tls-cert, --tls-key and --tls-ca")
    return Remote(addresses, tls, args.deadline, args.proxy)


def plain_allowed(args: argparse.Namespace, addresses: Sequence[Address]) -> bool:
    """Whether connections without TLS were asked for.

    Raises:
        PedbenchError: they were, for this machine alone, and an address is beyond it.
    """
    from framework.errors import PedbenchError

    away = [str(address) for address in addresses if not address.is_loopback]
    if args.insecure and away and not args.insecure_anywhere:
        raise PedbenchError(
            f"--insecure is for this machine and {away[0]} is not its loopback: use TLS, or give "
            "--insecure-anywhere and let the network read along"
        )
    return bool(args.insecure or args.insecure_anywhere)


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
