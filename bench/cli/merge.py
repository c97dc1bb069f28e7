"""`pedbench merge`: parts of a run become one run."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.outputs import print_written, steps


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "merge",
        help="put the parts of a run together",
        description="Put folders of 'run --part' together in a new folder, then write tables, "
        "figures and report.",
    )
    parser.add_argument("folders", type=Path, nargs="+", help="read these run folders")
    parser.add_argument("--out", type=Path, required=True, help="write the run to this folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    # Imported here, or each command would wait seconds for PyTorch.
    from bench.report.write import write_all
    from bench.runner.folder.merge import merge
    from bench.runner.run import rebuild_records

    units = merge(args.folders, args.out)
    statuses = rebuild_records(args.out)
    print(f"{units} cells, {statuses.total()} records, {statuses['failed']} failed")
    with steps() as step:
        paths = write_all(args.out, step=step)
    print_written(paths)
    return 0
