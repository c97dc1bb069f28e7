"""Seconds of processor and wall of a preset that the store has, by phase.

    python -m studies.runs.warm_store --preset quick

Runs the preset once to fill a store of its own, unless ``--home`` has one, then again in a new
process: that one is measured, from the start of Python to the last file of the report. With
``--profile`` the functions that take longest are printed too.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from studies.command import exit_with


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--limit", help="images")
    parser.add_argument("--home", type=Path, help="keep the store in this folder")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        home = args.home or Path(made)
        environment = {**os.environ, "PEDBENCH_CACHE": str(home / "cache")}
        tool = ["-m", "cProfile", "-s", "cumulative"] if args.profile else []
        limit = ["--limit", args.limit] if args.limit else []
        command = ["-m", "bench", "run", "--preset", args.preset, *limit, "--fresh", "--out"]
        filled = home / "filled"
        if not (filled / "report.html").exists():
            subprocess.run([sys.executable, *command, str(filled)], env=environment, check=True)
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        again = [sys.executable, *tool, *command, f"{made}/again"]
        told = subprocess.run(again, env=environment, check=True, capture_output=True, text=True)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print("\n".join(told.stdout.splitlines()[: 60 if args.profile else 1]))
    print(f"from a warm store: {wall:.1f} s, of the processor {processor:.1f} s")
    return 0


if __name__ == "__main__":
    exit_with(main, "studies.runs.warm_store")
