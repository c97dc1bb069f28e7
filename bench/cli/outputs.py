"""`pedbench tables`, `plots` and `report`: rebuilt from records alone."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

OUTPUTS = {
    "tables": "write the tables (CSV, Markdown, LaTeX) of a run",
    "plots": "draw the figures (PNG, PDF) of a run",
    "report": "write the report (one HTML file) of a run",
}


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommands."""
    for name, summary in OUTPUTS.items():
        parser = subparsers.add_parser(name, help=summary)
        parser.add_argument(
            "folder", type=Path, help="read this run folder, e.g. results/quick-embedded"
        )
        parser.set_defaults(run=partial(run, name))


def run(name: str, args: argparse.Namespace) -> int:
    """Carry out one of the subcommands."""
    for path in write(name, args.folder):
        print(path)
    return 0


def write(name: str, folder: Path) -> list[Path]:
    """Write one of `OUTPUTS`, or ``all``, of a run or a latency run; the paths."""
    from bench.latency.report.output import ALL, write_outputs
    from bench.latency.results import is_latency_folder
    from bench.report.write import write_all, write_figures, write_report, write_tables
    from bench.runner.run import refresh_records

    if is_latency_folder(folder):
        return write_outputs(folder, ALL if name == "all" else (name,))
    refresh_records(folder)
    writers = {
        "tables": write_tables,
        "plots": write_figures,
        "report": lambda folder: [write_report(folder)],
        "all": write_all,
    }
    return writers[name](folder)
