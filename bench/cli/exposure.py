"""`pedbench exposure`: what the servers have seen, by the ledger."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.flags.arguments import positive_int


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "exposure", help="print what each server has received of a scene"
    )
    parser.add_argument("--ledger", type=Path, required=True, help="read this ledger")
    parser.add_argument("--scene", help="print only this scene")
    parser.add_argument(
        "--coalition",
        type=positive_int,
        metavar="C",
        help="also print the worst coalition of C servers (default: 2)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from bench.flags.caps import print_exposure
    from framework.exposure import Ledger

    ledger = Ledger(args.ledger, create=False)
    scenes = list(ledger.scenes())
    if args.scene is not None:
        ledger.size_of(args.scene)
        scenes = [args.scene]
    check_coalition(args.coalition, max((len(ledger.counts(s)) for s in scenes), default=None))
    for scene in scenes:
        print_exposure(ledger, scene, args.coalition or 2)
    if not scenes:
        print("nothing was sent")
    return 0


def check_coalition(size: int | None, servers: int | None) -> None:
    """Refuse a coalition of more servers than anything was sent to.

    Raises:
        PedbenchError: says how many there are.
    """
    from framework.errors import PedbenchError

    if size is not None and servers is not None and size > servers:
        raise PedbenchError(
            f"--coalition {size}: {servers} servers have seen something, give 1 to {servers}"
        )
