"""Peak memory of `pedbench run` on few and on many photos.

    python -m studies.runs.memory --limits 10 100

Each limit is a run of its own in a fresh process, without the store, first over copies of one
synthetic scene, then over different ones of the same size. Printed is the largest resident set that
any of its processes reached: with copies it shows what a run piles up, without them also that among
more scenes there is one that takes more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as rle

from bench.datasets import Sample, open_dataset
from studies.command import exit_with

PRESET = """
model: tiny
data: {data}
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
    arguments += ["--workers", workers, "--no-store", "--fresh"]
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


def copies(sample: Sample, count: int, folder: Path) -> str:
    """A data set that shows one scene several times, in COCO's layout; its name."""
    (folder / "images").mkdir(parents=True)
    height, width = sample.image.shape[:2]
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        name = f"{number:06d}.png"
        Image.fromarray(sample.image).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for mask in sample.masks:
            code = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
            code["counts"] = code["counts"].decode()
            box, area = rle.toBbox(code).tolist(), int(mask.sum())
            shape = {"segmentation": code, "bbox": box, "area": area, "iscrowd": 0}
            objects.append({"id": len(objects) + 1, "image_id": number, "category_id": 1, **shape})
    content = {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "shape"}]}
    (folder / "instances.json").write_text(json.dumps(content))
    return f"coco:{folder}"


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--limits", type=int, nargs="+", default=[10, 100], metavar="N")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    most = max(args.limits)
    with TemporaryDirectory() as name:
        one = copies(open_dataset("synthetic:1").load("0-000000"), most, Path(name) / "copies")
        for title, data in (("copies of one", one), ("different ones", f"synthetic:{most}")):
            preset = Path(name) / "memory.yaml"
            preset.write_text(PRESET.format(data=data))
            print(f"{title}\n{'photos':>7} {'main MB':>9} {'worker MB':>10} {'against first':>14}")
            first = None
            for limit in args.limits:
                main_mb, worker_mb = peaks(preset, limit, Path(name) / "run", args.workers)
                largest = max(main_mb, worker_mb)
                first = first or largest
                ratio = largest / first
                print(f"{limit:>7} {main_mb:>9.0f} {worker_mb:>10.0f} {ratio:>14.3f}", flush=True)


if __name__ == "__main__":
    exit_with(main, "studies.runs.memory")
