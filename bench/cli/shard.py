"""`pedbench shard`: one shard server, or several on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bench.flags.arguments import LAST_PORT, host, not_negative, port, positive_int
from bench.flags.precision import add_speed_flags, device_of, speed_options
from bench.flags.remote import add_tls_flags, plain_allowed, tls_files

if TYPE_CHECKING:
    from framework.transport.grpc.client.address import Address


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("shard", help="serve window blocks to an edge over gRPC")
    parser.add_argument(
        "--bind",
        metavar="HOST:PORT",
        default="127.0.0.1:50051",
        help="listen here; port 0 takes a free one (default: 127.0.0.1:50051)",
    )
    parser.add_argument("--model", default="tiny", help="serve this model (default: tiny)")
    parser.add_argument("--checkpoint", help="load this weight file, or 'random' for timing only")
    add_speed_flags(parser, device="cpu")
    add_tls_flags(parser, "--client-ca", "clients", "serve")
    parser.add_argument(
        "--threads",
        type=positive_int,
        metavar="N",
        help="use N threads for torch (default: all cores)",
    )
    parser.add_argument(
        "--count", type=positive_int, metavar="N", help="start N servers, on ports from --bind on"
    )
    parser.add_argument(
        "--max-sessions",
        type=positive_int,
        default=8,
        help="allow a client N open calls (default: 8)",
        metavar="N",
    )
    parser.add_argument(
        "--max-windows",
        type=positive_int,
        default=60_000,
        help="allow a client N windows a minute (default: 60000)",
        metavar="N",
    )
    parser.add_argument(
        "--grace",
        type=not_negative,
        default=30.0,
        help="give open calls SECONDS to finish when stopped (default: 30)",
        metavar="SECONDS",
    )
    parser.add_argument(
        "--end-with-input",
        action="store_true",
        help="stop, too, when standard input ends, as when the process that wrote it is gone",
    )
    parser.add_argument(
        "--metrics-port", type=port, metavar="PORT", help="serve Prometheus metrics on this port"
    )
    parser.add_argument(
        "--metrics-host",
        type=host,
        metavar="HOST",
        default="127.0.0.1",
        help="serve metrics on this host (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning"),
        default="info",
        help="log from this level up (default: info)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from bench.stopping import end_with_input
    from framework.transport.grpc.client.address import Address

    if args.end_with_input:
        end_with_input()
    bind = Address.parse(args.bind)
    args.insecure = plain_allowed(args, [bind])
    check(args, bind)
    if args.count is not None:
        return run_several(args, bind)
    return run_one(args, bind)


def check(args: argparse.Namespace, bind: Address) -> None:
    """Refuse flags that contradict each other.

    Raises:
        PedbenchError: names the first of them.
    """
    from framework.errors import PedbenchError

    files = (args.tls_cert, args.tls_key)
    if (args.count or 1) > 1 and any(file and "{}" not in file for file in files):
        raise PedbenchError(
            "servers with one key count as one: with --count give --tls-cert DIR/shard-{}.crt and "
            "--tls-key DIR/shard-{}.key, where {} is the server's number"
        )
    device_of(args)
    for name, first in (("bind", bind.port), ("metrics-port", args.metrics_port)):
        if first and first + (args.count or 1) - 1 > LAST_PORT:
            raise PedbenchError(
                f"--count {args.count} from --{name} {first} on goes beyond port {LAST_PORT}: "
                f"give a lower --{name}"
            )


def run_one(args: argparse.Namespace, bind: Address) -> int:
    """Serve until stopped."""
    import torch

    from framework import Tls, build_sam
    from framework.transport.grpc.server.lifecycle import Settings, run_server
    from framework.transport.grpc.server.limits import Limits
    from framework.transport.grpc.server.logs import log_to_stderr

    names = "--tls-cert, --tls-key and --client-ca"
    files = tls_files((args.tls_cert, args.tls_key, args.client_ca), args.insecure, names)
    tls = None if files is None else Tls(*files).check()
    if args.threads:
        torch.set_num_threads(args.threads)
    log_to_stderr(args.log_level)
    sam = build_sam(args.model, args.checkpoint, **speed_options(args)).to(device_of(args))
    sam.runtime.prepare()
    settings = Settings(
        bind=bind,
        tls=tls,
        limits=Limits(sessions=args.max_sessions, windows=args.max_windows),
        metrics_host=args.metrics_host,
        metrics_port=args.metrics_port,
        grace=args.grace,
    )
    run_server(sam, settings, lambda address: print(f"listening on {address}", flush=True))
    return 0


def run_several(args: argparse.Namespace, bind: Address) -> int:
    """Start ``--count`` servers as processes; stop all of them when this one is stopped."""
    from bench.latency.network.servers import ServerProcesses, shard_arguments
    from framework.transport.grpc.client.address import Address

    first = bind.port
    binds = [Address(bind.host, first + i if first else 0) for i in range(args.count)]
    flags = [shard_arguments(args, str(each), i) for i, each in enumerate(binds)]
    with ServerProcesses(flags) as servers:
        print(f"listening on {servers.listing}", flush=True)
        security = "--insecure" if args.insecure else "--tls-cert FILE --tls-key FILE --tls-ca FILE"
        given = f"--shards {servers.listing} {security}"
        print(f"use them with: pedbench segment PHOTO … {given}", flush=True)
        servers.wait()
    print("all servers have stopped")
    return 0
