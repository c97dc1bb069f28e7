"""Peak memory of `pedbench run` on few and on many photos.

    python -m benchmarks.memory --limits 10 100

Each limit is a run of its own in a fresh process, without the store, over synthetic scenes of one
size. Printed is the largest resident set that any of its processes reached.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

PRESET = """
model: tiny
data: synthetic:{most}
public: ["synthetic:8@1"]
seeds: [0]
groups:
  - policy: random
    n_shards: [4]
    segmentation: true
    coalitions: {{4: [1, 2]}}
    attacks: [mean_colour, pseudo_inverse, telea, ridge]
"""
PROBE = """
import resource, sys
from bench.cli import main
code = main(sys.argv[1:])
peaks = [resource.getrusage(who).ru_maxrss for who in
         (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print("peaks", *peaks)
raise SystemExit(code)
"""


def peaks(preset: Path, limit: int, folder: Path, workers: int) -> tuple[float, float]:
    """Largest resident sets of the main process and of any worker, MB."""
    arguments = ["run", "--preset", preset, "--limit", limit, "--out", folder]
    arguments += ["--workers", workers, "--no-store"]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    main, worker = done.stdout.split("peaks", 1)[1].split()
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return int(main) / unit, int(worker) / unit


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--limits", type=int, nargs="+", default=[10, 100], metavar="N")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with TemporaryDirectory() as name:
        preset = Path(name) / "memory.yaml"
        preset.write_text(PRESET.format(most=max(args.limits)))
        print(f"{'photos':>7} {'main MB':>9} {'worker MB':>10} {'against first':>14}")
        first = None
        for limit in args.limits:
            main_mb, worker_mb = peaks(preset, limit, Path(name) / str(limit), args.workers)
            largest = max(main_mb, worker_mb)
            first = first or largest
            print(f"{limit:>7} {main_mb:>9.0f} {worker_mb:>10.0f} {largest / first:>14.3f}")


if __name__ == "__main__":
    main()
