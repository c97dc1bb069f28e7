"""`pedbench certs`: certificates for trying mutual TLS out."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.flags.arguments import days, host, not_negative_int


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("certs", help="make a trial CA and certificates for TLS")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument(
        "--host",
        type=host,
        action="append",
        default=[],
        help="where servers are reached; may be repeated",
    )
    parser.add_argument(
        "--shards",
        type=not_negative_int,
        metavar="N",
        default=0,
        help="also one pair for each of N servers",
    )
    parser.add_argument("--days", type=days, default=365, help="validity")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from framework.transport.grpc.security.certificates import write_certificates

    for path in write_certificates(args.out, args.host, args.shards, args.days):
        print(path)
    return 0
