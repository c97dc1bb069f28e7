"""`pedbench validate`: whether a folder is a submission."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from framework.errors import PedbenchError


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "validate",
        help="check that a folder is a submission: records, card, environment",
        description="Check that a folder is a submission: records.parquet, config.yaml, "
        "environment.json and card.json, by the published schema. One line a fault, and exit code "
        "1 where there is any.",
    )
    parser.add_argument("folder", type=Path, nargs="?", help="check this folder")
    parser.add_argument("--schema", action="store_true", help="print the JSON schema instead")
    parser.add_argument("--example", action="store_true", help="print a card.json to fill in")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand.

    Raises:
        PedbenchError: neither a folder nor anything to print is named; there is no such folder.
    """
    # Imported here, or each command would wait seconds for PyTorch.
    from bench.submission.admission import unranked
    from bench.submission.card import EXAMPLE
    from bench.submission.entry import entry_of
    from bench.submission.schema import published
    from bench.submission.validate import counts, faults

    if args.schema:
        print(published(), end="")
        return 0
    if args.example:
        print(json.dumps(EXAMPLE, indent=2))
        return 0
    if args.folder is None:
        raise PedbenchError("give a folder to check, or --schema, or --example")
    if not args.folder.is_dir():
        raise PedbenchError(f"{args.folder} is no folder: give the folder of a run")
    found = faults(args.folder)
    for fault in found:
        print(fault)
    if not found:
        print(f"{args.folder} is a valid submission: {counts(args.folder)}")
        for reason in unranked(entry_of(args.folder)):
            print(f"on a leaderboard without a rank: {reason}")
    return 1 if found else 0
