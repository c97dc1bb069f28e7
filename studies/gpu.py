"""Encoders on a GPU: `segment-anything` as it is against ours, whole, compiled and shared out.

``python -m studies.gpu [--models vit_b vit_l] [--sides "ours, compiled"] [--out FILE.csv]``

Encodes one photo again and again, the sides taking turns, and prints the median of milliseconds
from ``set_image`` to the embedding on the GPU, what PyTorch's allocator held at most beyond the
weights, and the largest difference to stock's embedding relative to its largest value. Weights are
seeded random ones; products are in full float32 unless a side says otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pandas as pd
import skimage.data
import torch
from segment_anything import SamPredictor

from framework import DistributedSamPredictor, LocalShards, build_sam

STOCK = "stock"
WARM_UP = 3
SIDES: dict[str, tuple[int, dict[str, Any]]] = {
    STOCK: (0, {"attention": "stock"}),
    "ours": (0, {}),
    "ours, compiled": (0, {"compile": True}),
    "ours, bfloat16": (0, {"precision": "bfloat16"}),
    "ours, float16": (0, {"precision": "float16"}),
    "ours, 4 shards": (4, {}),
    "ours, 25 shards": (25, {}),
}
"""Shards in this process (0: none, the encoder in one piece) and options of `build_sam`."""


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["tiny", "vit_b", "vit_l"])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--out", type=Path, help="table as CSV")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("studies.gpu: PyTorch sees no CUDA device here", file=sys.stderr)
        return 2
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    tables = []
    for model in options.models:
        names = dict.fromkeys([STOCK, *options.sides])
        tables.append(pd.DataFrame(race(model, list(names), options.repeats)))
        print(tables[-1].round(6).to_string(index=False), flush=True)
    if options.out:
        pd.concat(tables).to_csv(options.out, index=False)
    return 0


def race(model: str, names: Sequence[str], repeats: int) -> Iterator[dict[str, Any]]:
    """One row a side."""
    sides = {name: _predictor(model, *SIDES[name]) for name in names}
    for predictor in sides.values():
        for _ in range(WARM_UP):
            _encode(predictor)
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, predictor in sides.items():
            times[name].append(_encode(predictor))
    truth = sides[STOCK].get_image_embedding().float()
    for name, predictor in sides.items():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        _encode(predictor)
        found = predictor.get_image_embedding().float().to(truth.device)
        yield {
            "model": model,
            "side": name,
            "milliseconds": 1e3 * median(times[name]),
            "of_stock": median(times[name]) / median(times[STOCK]),
            "peak_mb": (torch.cuda.max_memory_allocated() - before) / 1e6,
            "difference": float((found - truth).abs().max() / truth.abs().max()),
        }


def _predictor(model: str, shards: int, options: dict[str, Any]) -> SamPredictor:
    sam = build_sam(model, "random", **options).to("cuda")
    if options.get("attention") == "stock":
        return SamPredictor(sam)
    plan = "interleaved" if shards else "local"
    return DistributedSamPredictor(sam, LocalShards(max(1, shards)), plan=plan)


def _encode(predictor: SamPredictor) -> float:
    torch.cuda.synchronize()
    start = perf_counter()
    predictor.set_image(PHOTO)
    torch.cuda.synchronize()
    return perf_counter() - start


PHOTO = skimage.data.astronaut()

if __name__ == "__main__":
    sys.exit(main())
