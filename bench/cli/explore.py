"""`pedbench explore`: open a report in the browser."""

from __future__ import annotations

import argparse
import os
import tempfile
import webbrowser
from pathlib import Path

from framework.errors import PedbenchError

REPORT = "report.html"
REFERENCE = ("results", "reference")
"""Where the project keeps runs without their reports; nothing is written there."""


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "explore", help="open the report of a run in the browser, made first where it is missing"
    )
    parser.add_argument(
        "folder", type=Path, help="open this run folder, e.g. results/quick-embedded"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand.

    Raises:
        PedbenchError: the folder holds no run, or no browser can be opened.
    """
    report = args.folder / REPORT
    if not report.is_file():
        report = make(args.folder)
    if not webbrowser.open(report.resolve().as_uri()):
        raise PedbenchError(f"no browser was found: open {report} in one yourself")
    print(report)
    return 0


def make(folder: Path) -> Path:
    """Write the report of a run: to its folder if that may be written, else to a temporary one."""
    from framework.files.writing import write_file
    from framework.warn import tell

    if not folder.is_dir():
        raise PedbenchError(f"{folder} is no folder: give the folder of a run")
    tell(f"{folder} has no report: making it takes up to a minute or two")
    text = page(folder)
    kept = folder.resolve().parts[-3:-1] == REFERENCE
    own = os.access(folder, os.W_OK) and not kept
    place = folder if own else Path(tempfile.mkdtemp(prefix="pedbench-report-"))
    return write_file(place / REPORT, text)


def page(folder: Path) -> str:
    """The report of a run or a latency run as HTML.

    Raises:
        PedbenchError: the folder holds neither.
    """
    from bench.cache.store import open_store
    from bench.latency.report.output import render as render_latency
    from bench.latency.results import LatencyRun, is_latency_folder
    from bench.report.data import RunData
    from bench.report.render.html import render
    from bench.runner.run import refresh_records

    if is_latency_folder(folder):
        return render_latency(LatencyRun.read(folder))
    refresh_records(folder)
    return render(RunData.read(folder, open_store(None)))
