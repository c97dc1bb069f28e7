"""`pedbench profile`: where a run's time goes."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.cli import run as run_command
from bench.runner.phases import WATCH, phase, time_table


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "profile",
        help="run a preset, then print the time spent in each phase",
        description="Take the arguments of 'run'. Discard the records unless --out is given. "
        "Compute everything anew if --no-store is given.",
    )
    run_command.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    start = time.perf_counter()
    WATCH.start()
    with TemporaryDirectory() as folder:
        args.out = args.out or Path(folder) / "run"
        with phase("imports"):
            import bench.report.write
            import bench.runner.run  # noqa: F401
        code = run_command.run(args)
    print(time_table(WATCH.drain(), time.perf_counter() - start))
    return code
