"""Rates for a machine on which nothing was measured yet, written into the package.

    python -m studies.upkeep.shipped_rates --preset quick --limit 1
    results/reference/attacks-bsds500_val

Runs the preset in one process with an empty cache and counts processor time, so that other work on
the machine does not count. Kinds of work that it has not got are taken from the records of run
folders: seconds of one reconstruction. What is measured replaces what the package has.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from bench.flags.arguments import positive_int
from bench.report.write import write_all
from bench.runner.folder.records import read_records
from bench.runner.forecast.measuring import report_measured
from bench.runner.forecast.rates import SHIPPED, read_rates
from bench.runner.phases import WATCH
from bench.runner.run import run
from bench.spec.config import load_preset
from studies.command import exit_with

DIGITS = 3


def measured(preset: str, limit: int) -> tuple[str, dict[str, float]]:
    """A model and its rates, in seconds of the processor."""
    config = dataclasses.replace(load_preset(preset), limit=limit)
    with (
        tempfile.TemporaryDirectory() as home,
        patch.dict(os.environ, {"PEDBENCH_CACHE": f"{home}/cache"}),
        patch("bench.runner.phases.perf_counter", time.process_time),
        patch("bench.runner.forecast.measuring.time.perf_counter", time.process_time),
    ):
        WATCH.start()
        result = run(config, Path(home) / "run", device="cpu", workers=1)
        with report_measured(result.place) as paths:
            paths += write_all(result.folder)
        return config.model, dict(read_rates(config.model, result.place).here)


def of_records(folder: Path) -> dict[str, float]:
    """Mean seconds of each attack's reconstructions in a run folder."""
    records = read_records(folder)
    made = records[(records["metric"] == "psnr") & (records["region"] == "full")]
    means = made.dropna(subset="seconds").groupby("attack")["seconds"].mean()
    return {f"attack {attack}": float(seconds) for attack, seconds in means.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--limit", type=positive_int, default=1, help="images")
    parser.add_argument("folders", type=Path, nargs="*")
    args = parser.parse_args(arguments)
    model, found = measured(args.preset, args.limit)
    rates = json.loads(SHIPPED.read_text())
    for folder in args.folders:
        found = of_records(folder) | found
    known = rates.get(model, {}) | found
    rates[model] = {kind: float(f"{known[kind]:.{DIGITS}g}") for kind in sorted(known)}
    SHIPPED.write_text(json.dumps(rates, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    exit_with(main, "studies.upkeep.shipped_rates")
