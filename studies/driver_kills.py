"""Whether a run survives SIGKILLs of its driver at random moments.

    python -m studies.driver_kills --kills 200

A small run is started over and over in one folder, and its driver is killed after a random time,
until it ends by itself. Its records must then be those of a run that nobody killed: none lost,
none doubled, values equal. Exit code 1 where they are not.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.flags.arguments import positive_int
from bench.runner.folder.records import read_records

PRESET = """
model: tiny
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
VARYING = ["seconds", "commit"]


def records_of(folder: Path) -> pd.DataFrame:
    """The records of a run in the order of their keys, without what varies."""
    table = read_records(folder).drop(columns=VARYING)
    return table.sort_values(KEY).reset_index(drop=True)


def killed_after(command: Sequence[str], seconds: float) -> bool:
    """Run a command and kill it after ``seconds``; False where it ended before."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    if process.returncode:
        raise SystemExit(f"the run ended with exit code {process.returncode}")
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=positive_int, default=200)
    parser.add_argument("--workers", type=positive_int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    chance = random.Random(args.seed)
    kills = runs = 0
    with tempfile.TemporaryDirectory() as home:
        os.environ["PEDBENCH_CACHE"] = f"{home}/cache"
        preset, folder = Path(home) / "small.yaml", Path(home) / "run"
        preset.write_text(PRESET)
        command = [sys.executable, "-m", "bench", "run", "--preset", str(preset), "--no-store"]
        start = time.perf_counter()
        killed_after([*command, "--out", f"{home}/whole", "--workers", "1"], 3600)
        longest = time.perf_counter() - start
        whole = records_of(Path(home) / "whole")
        while kills < args.kills:
            wait = chance.uniform(0, longest)
            if killed_after([*command, "--out", str(folder), "--workers", str(args.workers)], wait):
                kills += 1
                continue
            runs += 1
            found = records_of(folder)
            if found.duplicated(KEY).any() or not found.equals(whole):
                print(f"after {kills} kills and {runs} runs the records differ: {folder}")
                return 1
            print(f"{kills} kills, {runs} runs ended with equal records", flush=True)
            shutil.rmtree(folder)
    print(f"{kills} kills, {runs} runs: no record lost or doubled, all values equal")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
