"""`pedbench paper`: what a paper takes from finished runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.outputs import print_written, steps, write


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "paper", help="write paper.tex, its tables and its figures from one run or several"
    )
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="folder",
        help="read these run folders; a table shows the first that measured it",
    )
    parser.add_argument(
        "--out", type=Path, help="write to this folder (default: paper/ in the first run's)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand; of a single run its tables, figures and report are written too."""
    from bench.report.paper.document import write_paper
    from bench.report.paper.sources import Source

    paths = write("all", args.folders[0]) if len(args.folders) == 1 else []
    sources = []
    with steps() as step:
        for folder in args.folders:
            step(f"tables of {folder}")
            sources.append(Source.read(folder))
        paths += write_paper(sources, args.out or args.folders[0] / "paper", step)
    print_written(paths)
    return 0
