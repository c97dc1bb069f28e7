"""One side of a comparison, in a process of its own: loads a model, then encodes when told to.

Reads one JSON command a line and answers with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import skimage.data
import torch
from segment_anything import SamPredictor

from framework import DistributedSamPredictor, LocalShards, build_sam
from framework.compute.allocator import keep_freed_memory

STOCK, LOCAL = "stock", "local"


def peak_mb() -> float:
    """The largest resident set of this process so far, in MB.

    Not ``ru_maxrss`` where that can be helped: a child inherits its parent's on Linux.
    """
    status = Path("/proc/self/status")
    if status.exists():
        [kilobytes] = [
            line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")
        ]
        return int(kilobytes) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def build(kind: str, model: str, options: dict[str, Any]) -> SamPredictor:
    """A predictor: ``stock``, ``local`` or ``shards:N``."""
    if kind == STOCK:
        return SamPredictor(build_sam(model, "random", attention="stock"))
    sam = build_sam(model, "random", **options)
    if kind == LOCAL:
        return DistributedSamPredictor(sam, LocalShards(1), plan="local")
    return DistributedSamPredictor(sam, LocalShards(int(kind.partition(":")[2])))


def main() -> None:
    """Serve commands until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("model")
    parser.add_argument("--keep", action="store_true", help="keep freed memory")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--options", type=json.loads, default={})
    args = parser.parse_args()
    if args.keep:
        keep_freed_memory()
    torch.set_num_threads(args.threads)
    photo = skimage.data.astronaut()
    predictor = build(args.kind, args.model, args.options)
    loaded = peak_mb()
    answer({"loaded_mb": loaded})
    for line in sys.stdin:
        command = json.loads(line)
        if "save" in command:
            np.save(command["save"], predictor.get_image_embedding().numpy())
            answer({})
        else:
            start = perf_counter()
            predictor.set_image(photo)
            seconds = perf_counter() - start
            answer({"seconds": seconds, "peak_mb": peak_mb(), "loaded_mb": loaded})


def answer(content: dict[str, Any]) -> None:
    """Write one line."""
    print(json.dumps(content), flush=True)


if __name__ == "__main__":
    main()
