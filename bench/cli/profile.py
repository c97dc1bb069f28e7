"""`pedbench profile`: where a run's time goes."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.cli import run as run_command
from bench.runner.phases import WATCH, phase, time_table
from framework.errors import PedbenchError


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "profile",
        help="run a preset, then print the time spent in each phase of computing",
        description="Take the arguments of 'run'. Discard the records unless --out is given; write "
        "no report. "
        "Compute everything anew if --no-store is given.",
    )
    run_command.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    content = run_command.preset_content(args)
    if args.dry_run or run_command.is_latency(content):
        which = "--dry-run" if args.dry_run else f"preset {args.preset}"
        raise PedbenchError(f"{which} computes no cells: leave it out")
    start = time.perf_counter()
    WATCH.start()
    with TemporaryDirectory() as folder:
        args.out = args.out or Path(folder) / "run"
        with phase("imports"):
            from bench.runner.run import run as carry_out
        result = carry_out(**run_command.asked_for(args, content))
    print(f"{result.new_units} new cells, {result.from_store} from the store")
    print(time_table(WATCH.drain(), time.perf_counter() - start))
    return 0
