"""`pedbench explore`: open a report in the browser."""

from __future__ import annotations

import argparse
import webbrowser
from pathlib import Path

from framework.errors import PedbenchError


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("explore", help="open the report of a run in the browser")
    parser.add_argument(
        "folder", type=Path, help="open this run folder, e.g. results/quick-embedded"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand.

    Raises:
        PedbenchError: the folder holds no report, or no browser can be opened.
    """
    report = args.folder / "report.html"
    if not report.is_file():
        raise PedbenchError(
            f"{report} does not exist: write it with 'pedbench report {args.folder}'"
        )
    if not webbrowser.open(report.resolve().as_uri()):
        raise PedbenchError(f"no browser was found: open {report} in one yourself")
    print(report)
    return 0
