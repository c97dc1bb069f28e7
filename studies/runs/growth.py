"""Whether a run's processor seconds grow in a straight line with its images and with its cells.

    python -m studies.runs.growth --out growth.csv

Three series of serial runs, each at one, two and four times the size: images of the preset `quick`
with noise, images by the hundred on the small model of the tests, where the driver's own work
weighs most, and pipelines on it, with their cells. A straight line is fitted to each series. Its
constant is what a run costs whatever its size; the residual is the largest distance from the line,
as a share of the largest run. About 3 minutes of processor time.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import tests.toy_model  # noqa: F401  (the model `toy` has its name here)
from bench.runner.run import run
from bench.spec.config import load_preset
from studies.command import exit_with
from studies.runs.costs import cost, pedbench

TIMES = (1, 2, 4)
IMAGES, TOY_IMAGES = 2, 100
STRENGTHS = "0.25", "0.5", "1.0", "2.0"
PER_PIPELINE = 10
"""Cells of a pipeline with noise in the preset `quick`: nine attacked, one segmented."""
TOY = """
model: toy
checkpoint: random
data: synthetic:{images}
public: []
seeds: [0]
groups:
  - policy: [random, strided]
    n_shards: [4]
    defence: gaussian
    strength: [{strengths}]
    coalitions: {{4: [1]}}
    attacks: [mean_colour]
"""


def of_quick(images: int, home: Path) -> int:
    """Run `quick` with noise on four shards and so many images; the number of cells."""
    only = ["--only", "defence=gaussian", "n_shards=4"]
    flags = ["--workers", "1", "--device", "cpu", "--no-store", "--no-pictures"]
    data = ["--preset", "quick", "--data", f"synthetic:{images}@7"]
    pedbench(["run", *data, *only, *flags, "--out", str(home / "run")])
    return images * len(STRENGTHS) * PER_PIPELINE


def of_toy(images: int, strengths: int, home: Path) -> int:
    """Run the small model on so many images, under so much noise; the number of cells."""
    preset = home / "toy.yaml"
    preset.write_text(TOY.format(images=images, strengths=", ".join(STRENGTHS[:strengths])))
    return run(load_preset(str(preset)), home / "run", device="cpu", workers=1).new_units


SERIES: dict[str, Callable[[int, Path], int]] = {
    "images": lambda times, home: of_quick(IMAGES * times, home),
    "images of the small model": lambda times, home: of_toy(TOY_IMAGES * times, 1, home),
    "pipelines of the small model": lambda times, home: of_toy(TOY_IMAGES, times, home),
}


def line(cells: pd.Series, seconds: pd.Series) -> dict[str, float]:
    """The straight line through ``seconds``, and how far they lie from it."""
    slope, constant = np.polyfit(cells, seconds, 1)
    apart = (seconds - slope * cells - constant).abs().max()
    return {
        "milliseconds a cell": 1000 * slope,
        "seconds a run": constant,
        "residual": apart / seconds.max(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("growth.csv"))
    args = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as made:
        of_quick(1, Path(made))
        for name, series in SERIES.items():
            for times in TIMES:
                home = Path(made) / f"{name}-{times}"
                home.mkdir()
                with cost() as found:
                    cells = series(times, home)
                rows.append((name, cells, found.processor_seconds))
                table = pd.DataFrame(rows, columns=["series", "cells", "processor_seconds"])
                table.round(2).to_csv(args.out, index=False)
    for of, group in table.groupby("series", sort=False):
        fit = line(group["cells"], group["processor_seconds"])
        print(of, {key: round(value, 4) for key, value in fit.items()})
    return 0


if __name__ == "__main__":
    exit_with(main, "studies.runs.growth")
