"""`pedbench tables`, `plots` and `report`: rebuilt from records alone."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

if TYPE_CHECKING:
    from bench.report.write import Step

FEW = 3
"""Files of one folder that are printed by name."""
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
    print_written(write(name, args.folder))
    return 0


def print_written(paths: Iterable[Path]) -> None:
    """Print paths, folder by folder: each of a few files, the number of many."""
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    for folder, files in folders.items():
        if len(files) > FEW:
            print(f"{folder}/: {len(files)} files")
        else:
            print(*files, sep="\n")


@contextmanager
def steps() -> Iterator[Step]:
    """Around what takes a while: shows what is being written, in a line that goes with it."""
    with ExitStack() as shown:
        lines: list[tqdm[NoReturn]] = []

        def step(name: str) -> None:
            if not lines:
                line = tqdm(bar_format="writing {desc}", leave=False, desc=name)
                lines.append(shown.enter_context(line))
            lines[0].set_description_str(name)

        yield step


def write(name: str, folder: Path) -> list[Path]:
    """Write one of `OUTPUTS`, or ``all``, of a run or a latency run; the paths."""
    from bench.latency.report.output import ALL, write_outputs
    from bench.latency.results import is_latency_folder
    from bench.report.write import write_all, write_figures, write_report, write_tables
    from bench.runner.folder.contents import SETTINGS
    from bench.runner.run import refresh_records
    from framework.warn import tell

    if is_latency_folder(folder):
        return write_outputs(folder, ALL if name == "all" else (name,))
    refresh_records(folder)
    writers = {
        "tables": write_tables,
        "plots": write_figures,
        "report": lambda folder, step: [write_report(folder, step)],
        "all": lambda folder, step: write_all(folder, step=step),
    }
    with steps() as step:
        written = writers[name](folder, step)
    if not (folder / SETTINGS).is_file():
        tell(f"{folder / SETTINGS} is missing: figures of one setting were left out, restore it")
    return written
