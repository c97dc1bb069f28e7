"""`pedbench certs`: certificates for trying mutual TLS out."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.flags.arguments import days, host, not_negative_int


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "certs", help="make a certificate authority and certificates for trials of TLS"
    )
    parser.add_argument("--out", type=Path, required=True, help="write the files here")
    parser.add_argument(
        "--host",
        type=host,
        action="append",
        default=[],
        help="make a certificate for the server at HOST; may be repeated",
        metavar="HOST",
    )
    parser.add_argument(
        "--shards",
        type=not_negative_int,
        metavar="N",
        default=0,
        help="make certificates for N servers of one host",
    )
    parser.add_argument(
        "--days", type=days, default=365, help="set the validity, days (default: 365)", metavar="N"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from framework.transport.grpc.security.certificates import write_certificates

    for path in write_certificates(args.out, args.host, args.shards, args.days):
        print(path)
    return 0
