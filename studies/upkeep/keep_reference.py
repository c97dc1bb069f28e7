"""A finished run as a slim folder of `results/reference`, its tables and figures made anew.

    python -m studies.upkeep.keep_reference RUN [--into results/reference/NAME] [--report]
        [--figures NAME ...]

Kept are the settings, the machine, the cards of attackers, the records, tables as CSV and Markdown
unless they are long, and of the figures, as PNG, those named, else those that the folder had, else
all but the strips. Data beside the repository is named as seen from it. Without
``--into`` the folder RUN itself is made anew, which must be slim already: one of
`results/reference` after a change of tables or figures.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import studies
from bench.latency.report.output import write_outputs as write_latency
from bench.latency.results import is_latency_folder
from bench.report.write import write_all
from framework.errors import PedbenchError
from studies.command import exit_with

CONFIG, PICTURES = "config.yaml", "images"
SOURCES = (CONFIG, "environment.json", "attackers.json", "records.parquet", "latency.csv")
BESIDE = Path(studies.__file__).parents[2]
"""The folder that the repository lies in."""
MOST_BYTES = {".csv": 250_000, ".md": 100_000}
"""Longer tables are left out: `pedbench paper` makes them of the records."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument("--into", type=Path, help="write this folder (default: RUN itself)")
    parser.add_argument("--report", action="store_true", help="keep report.html too")
    parser.add_argument("--figures", nargs="+", default=[], help="keep these figures")
    args = parser.parse_args(arguments)
    keep(args.run, args.into or args.run, args.report, args.figures)
    return 0


def keep(run: Path, into: Path, report: bool = False, named: Sequence[str] = ()) -> None:
    """Make all outputs of ``run`` in a folder of its own, and put the slim ones in ``into``.

    Raises:
        PedbenchError: ``run`` is no run, or ``into`` is anything but a slim folder.
    """
    if not (run / CONFIG).is_file():
        raise PedbenchError(f"{run} is no run: give the folder of one")
    if into.exists() and (not (into / CONFIG).is_file() or (into / "journal.jsonl").exists()):
        raise PedbenchError(f"{into} is no slim folder of a run: give another with --into")
    with tempfile.TemporaryDirectory() as place:
        made = Path(place) / "run"
        shutil.copytree(run, made, ignore=shutil.ignore_patterns(PICTURES) if not report else None)
        (write_latency if is_latency_folder(made) else write_all)(made)
        figures = [f"{name}.png" for name in named] or _figures(into, made)
        kept = [made / name for name in SOURCES if (made / name).is_file()]
        kept += [
            file
            for file in (made / "tables").iterdir()
            if file.stat().st_size < MOST_BYTES.get(file.suffix, 0)
        ]
        kept += [made / "figures" / name for name in figures]
        kept += [made / "report.html"] if report or (into / "report.html").is_file() else []
        slim = Path(place) / "slim"
        for file in kept:
            target = slim / file.relative_to(made)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        config = slim / CONFIG
        config.write_text(config.read_text().replace(f"{BESIDE}/", "../"))
        shutil.rmtree(into, ignore_errors=True)
        shutil.copytree(slim, into)


def _figures(into: Path, made: Path) -> list[str]:
    drawn = {file.name for file in (made / "figures").glob("*.png")}
    had = {file.name for file in (into / "figures").glob("*.png")}
    return sorted(drawn & had if had else {n for n in drawn if not n.startswith("strip_")})


if __name__ == "__main__":
    exit_with(main, "studies.upkeep.keep_reference")
