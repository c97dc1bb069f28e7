"""`pedbench rescore`: more metrics for a finished run."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.outputs import print_written, steps


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "rescore",
        help="score the kept reconstructions of a run with more metrics",
        description="Score the reconstructions that a run has kept (all of them with "
        "--keep-reconstructions) with more metrics, then write tables, figures and report again.",
    )
    parser.add_argument("folder", type=Path, help="read and extend this run folder")
    parser.add_argument("--metrics", required=True, help="score with these, e.g. ms_ssim,dists")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    # Imported here, or each command would wait seconds for PyTorch.
    from bench.report.write import write_all
    from bench.runner.folder.rescore import rescore
    from bench.runner.run import rebuild_records

    scored = rescore(args.folder, args.metrics.split(","))
    rebuild_records(args.folder)
    print(f"{scored} reconstructions scored with {args.metrics}")
    with steps() as step:
        paths = write_all(args.folder, step=step)
    print_written(paths)
    return 0
