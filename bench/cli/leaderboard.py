"""`pedbench leaderboard`: a page of submissions, ranked by the worst known attack."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "leaderboard",
        help="rank defences and plans of submissions by the worst known attack",
        description="Write a static page of defences and plans, ranked by the worst known attack, "
        "and one JSON entry a submission.",
    )
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="folder",
        help="read this submission, or the entries (*.json) in this folder",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results/leaderboard"),
        help="write index.html and entries/ here (default: results/leaderboard)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    # Imported here, or each command would wait seconds for PyTorch.
    from bench.submission.page import write_leaderboard

    for path in write_leaderboard(args.folders, args.out):
        print(path)
    return 0
