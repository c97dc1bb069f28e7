"""Whether a run survives SIGKILLs of its driver at random moments.

    python -m studies.runs.driver_kills --home /tmp/kills --kills 200 --minutes 9

A run of the small model of the tests is started over and over in one folder, and its driver is
killed after a random time, until it ends by itself. Its records must then be those of a run that
nobody killed: none lost, none doubled, values equal. Exit code 1 where they are not. Every
fourth run has two workers. Drivers are forked from this process, so that kills fall into
the run and not into imports. Given the same ``--home`` again, the count goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import tests.toy_model  # noqa: F401  (the model `toy` has its name here and in workers)
from bench.flags.arguments import positive, positive_int
from bench.runner.folder.records import read_records
from bench.runner.run import run
from bench.spec.config import RunConfig, load_preset
from framework.errors import PedbenchError
from studies.command import exit_with

PRESET = """
model: toy
checkpoint: random
data: synthetic:4
public: ["synthetic:2@1"]
seeds: [0]
groups:
  - policy: [random, strided]
    n_shards: [4]
    coalitions: {4: [1]}
    attacks: [mean_colour, dataset_mean]
    segmentation: true
pictures:
  - {policy: random, n_shards: 4, coalition: 1}
"""
KEY = ["image_id", "plan", "policy", "attack", "region", "metric"]
RUNS = 4
"""Of so many runs one has two workers, which takes far longer to start."""
VARYING = ["seconds", "commit"]


def records_of(folder: Path) -> pd.DataFrame:
    """The records of a run in the order of their keys, without what varies."""
    table = read_records(folder).drop(columns=VARYING)
    return table.sort_values(KEY).reset_index(drop=True)


def start(config: RunConfig, folder: Path, workers: int) -> int:
    """Fork a driver; the number of its process."""
    process = os.fork()
    if process:
        return process
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())
    try:
        run(config, folder, device="cpu", workers=workers)
    except BaseException:
        os._exit(1)
    os._exit(0)


def killed_after(seconds: float, config: RunConfig, folder: Path, workers: int) -> bool:
    """Run a driver and kill it after ``seconds``; False where it ended before."""
    process, end = start(config, folder, workers), time.perf_counter() + seconds
    while time.perf_counter() < end:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            if status:
                raise PedbenchError(f"the run in {folder} ended with status {status}")
            return False
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="keep everything in this folder")
    parser.add_argument("--kills", type=positive_int, default=200)
    parser.add_argument("--minutes", type=positive, default=9.0, help="stop after these")
    args = parser.parse_args(arguments)
    os.environ["PEDBENCH_CACHE"] = str(args.home / "cache")
    args.home.mkdir(parents=True, exist_ok=True)
    preset, folder, state = (args.home / name for name in ("small.yaml", "run", "state.json"))
    preset.write_text(PRESET)
    config = load_preset(str(preset))
    deadline = time.perf_counter() + 60 * args.minutes
    whole = args.home / "whole"
    count = {"kills": 0, "runs": 0, "kills_of_this_run": 0}
    if state.exists():
        count = json.loads(state.read_text())
    else:
        killed_after(3600, config, whole, 1)
    expected = records_of(whole)
    longest = {1: 10.0, 2: 20.0}
    while count["kills"] < args.kills and time.perf_counter() < deadline:
        workers = 2 if count["runs"] % RUNS == RUNS - 1 else 1
        chance = random.Random(f"{count['kills']}, {count['runs']}")
        wait = chance.uniform(0, longest[workers]) if count["kills_of_this_run"] < 20 else 3600
        begun = time.perf_counter()
        wait = min(wait, deadline - begun)
        if killed_after(wait, config, folder, workers):
            count["kills"] += 1
            count["kills_of_this_run"] += 1
        else:
            if not count["kills_of_this_run"]:
                longest[workers] = time.perf_counter() - begun
            found = records_of(folder)
            if found.duplicated(KEY).any() or not found.equals(expected):
                print(f"after {count['kills']} kills the records of {folder} differ from {whole}")
                return 1
            count = {**count, "runs": count["runs"] + 1, "kills_of_this_run": 0}
            shutil.rmtree(folder)
        state.write_text(json.dumps(count))
    print(
        f"{count['kills']} kills, {count['runs']} runs ended: no record lost or doubled, "
        "all values equal"
    )
    return 0


if __name__ == "__main__":
    exit_with(main, "studies.runs.driver_kills")
