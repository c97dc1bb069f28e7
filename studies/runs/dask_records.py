"""Whether a Dask cluster gives the records of the serial run.

    python -m studies.runs.dask_records --preset quick --limit 2

Starts a scheduler and three workers on this machine, each with a folder and a cache of its own. The
driver has another cache. Exit code 1 where a record differs in more than time, commit, device and
error.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.flags.arguments import positive_int
from bench.runner.folder.records import SETTINGS, read_records
from bench.runner.run import run
from bench.spec.config import load_preset
from studies.command import exit_with
from tests.bench.runner.engines.cluster import running_cluster

KEY = ["image_id", *SETTINGS, "seed", "region", "metric"]
VARYING = ["seconds", "commit", "device", "error"]
"""Errors name the cache where LPIPS is not to be had."""


def records_of(folder: Path) -> pd.DataFrame:
    """The records of a run in the order of their keys, without what varies."""
    table = read_records(folder).drop(columns=VARYING)
    return table.sort_values(KEY).reset_index(drop=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--limit", type=positive_int, default=2, help="images")
    args = parser.parse_args(arguments)
    config = dataclasses.replace(load_preset(args.preset), limit=args.limit, pictures=())
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        os.environ["PEDBENCH_CACHE"] = str(home / "serial-cache")
        run(config, home / "serial", device="cpu", workers=1)
        os.environ["PEDBENCH_CACHE"] = str(home / "driver-cache")
        with running_cluster(home, ("a", "b", "c")) as (address, _):
            run(config, home / "dask", device="cpu", executor=f"dask://{address}")
        serial, dask = records_of(home / "serial"), records_of(home / "dask")
    if serial.equals(dask):
        print(f"{len(serial)} records of both runs are equal")
        return 0
    apart = (serial["value"] - dask["value"]).abs().max() if len(serial) == len(dask) else None
    print(f"{len(serial)} and {len(dask)} records; values differ by up to {apart}")
    return 1


if __name__ == "__main__":
    exit_with(main, "studies.runs.dask_records")
