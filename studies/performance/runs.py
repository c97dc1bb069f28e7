"""Whole runs of `pedbench run`: cells a minute of `quick`, growth with images, shards, attacks."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import yaml

from studies.performance.results import Row

ATTACKS = (
    "mean_colour",
    "telea",
    "navier_stokes",
    "pseudo_inverse",
    "dataset_mean",
    "push_pull",
)
"""None of them trains and all take about as long, so that a run's time is that of its cells."""

SCENES = 64
IMAGES = (8, 16, 32, SCENES)
SHARDS = (1, 4, 9, 25)
COUNTS = (1, 2, 4, 6)
BASE_IMAGES = 16
LIMIT_S = 900


def config(shards: int, attacks: int) -> dict[str, Any]:
    """A run of one pipeline."""
    group = {
        "policy": "random",
        "n_shards": shards,
        "segmentation": True,
        "coalitions": {shards: [1]},
        "attacks": list(ATTACKS[:attacks]),
    }
    photos = {"data": f"synthetic:{SCENES}@7", "public": ["synthetic:8"]}
    return {"model": "tiny", **photos, "seeds": [0], "groups": [group]}


def pedbench_run(preset: str, folder: Path, *flags: str) -> tuple[float, int]:
    """Seconds and new cells of one call.

    Raises:
        RuntimeError: it failed; the message is its last line.
    """
    command = [sys.executable, "-m", "bench", "run", "--preset", preset, "--out", str(folder)]
    start = perf_counter()
    done = subprocess.run([*command, *flags], capture_output=True, text=True, timeout=LIMIT_S)
    seconds = perf_counter() - start
    found = re.search(r"(\d+) new cells", done.stdout)
    if done.returncode or not found:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(f"pedbench run failed: {lines[-1] if lines else done.returncode}")
    return seconds, int(found.group(1))


def runs(quick_limit: int, workers: int) -> Iterator[Row]:
    """`quick` and the growth of a small run.

    Args:
        quick_limit: photos of `quick`.
        workers: processes of each run.
    """
    given = ("--workers", str(workers))
    with TemporaryDirectory() as folder:
        yield from quick(Path(folder) / "quick", quick_limit, given)
        yield from growth(Path(folder), given)


def quick(folder: Path, limit: int, given: tuple[str, ...]) -> Iterator[Row]:
    """`quick` once for its attackers, then measured anew, then with all it needs at hand."""
    limits = ("--limit", str(limit), *given)
    warm_up, _ = pedbench_run("quick", folder.with_name("warm"), "--limit", "1", *given)
    yield Row("runs", "tiny", "quick", "seconds_warm_up", 0, warm_up)
    cells = 0
    for name in ("first", "again"):
        seconds, new = pedbench_run("quick", folder, "--fresh", *limits)
        cells = max(cells, new)  # the second time all of them come from the store
        print(f"  runs quick {name}: {new} new cells in {seconds:.1f} s", flush=True)
        yield Row("runs", "tiny", "quick", f"seconds_{name}", 0, seconds)
        yield Row("runs", "tiny", "quick", f"cells_per_minute_{name}", 0, 60 * cells / seconds)
    yield Row("runs", "tiny", "quick", "photos", 0, limit)


def growth(folder: Path, given: tuple[str, ...]) -> Iterator[Row]:
    """Seconds over images, shards and attacks, one of them varied at a time."""
    settings = [("images", n, (n, 4, 4)) for n in IMAGES]
    settings += [("shards", n, (BASE_IMAGES, n, 4)) for n in SHARDS]
    settings += [("attacks", n, (BASE_IMAGES, 4, n)) for n in COUNTS]
    for axis, count, (images, shards, attacks) in settings:
        preset = folder / f"{axis}_{count}.yaml"
        preset.write_text(yaml.safe_dump(config(shards, attacks)))
        run = folder / preset.stem
        limits = ("--limit", str(images), "--no-store", *given)
        seconds, cells = pedbench_run(str(preset), run, *limits)
        print(f"  runs {axis} {count}: {cells} cells in {seconds:.1f} s", flush=True)
        yield Row("runs", "tiny", axis, str(count), 0, seconds)
