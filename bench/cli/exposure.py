"""`pedbench exposure`: what the servers have seen, by the ledger."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("exposure", help="print what each server has seen of a scene")
    parser.add_argument(
        "--ledger", type=Path, required=True, help="file in which sends are entered"
    )
    parser.add_argument("--scene", help="only this one")
    parser.add_argument("--coalition", type=int, default=2, metavar="C", help="also any C together")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from bench.caps import print_exposure
    from framework.exposure import Ledger

    ledger = Ledger(args.ledger, create=False)
    scenes = ledger.scenes()
    if args.scene is not None:
        ledger.size_of(args.scene)
    for scene in scenes if args.scene is None else [args.scene]:
        print_exposure(ledger, scene, args.coalition)
    if not scenes:
        print("nothing was sent")
    return 0
