"""What sharing `tiny` out within one process costs over its encoder in one piece.

``python -m studies.models.local_shards [--shards 1 4 25] [--repeats 40]``

Sides take turns on one photo, in one thread. What counts is the time of the processor, so that
other programs disturb little. Printed are medians, their ratio to the encoder in one piece, and the
median of the ratios turn by turn.
"""

from __future__ import annotations

import argparse
from time import process_time

import numpy as np
import skimage.data
import torch
from segment_anything.utils.transforms import ResizeLongestSide

from framework import DistributedEncoder, LocalShards, build_sam
from framework.compute.allocator import keep_freed_memory
from studies.command import exit_with


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 4, 25])
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    sam = build_sam(options.model)
    frame = ResizeLongestSide(sam.arch.img_size).apply_image(skimage.data.astronaut())
    sides = {"one piece": DistributedEncoder(sam, LocalShards(1), plan="local")}
    for count in options.shards:
        shared = DistributedEncoder(sam, LocalShards(count), policy="strided")
        sides[f"{count} shards"] = shared
    turns = [[seconds(side, frame) for side in sides.values()] for _ in range(options.repeats + 1)]
    times = np.array(turns[1:])
    typical = np.median(times, axis=0)
    by_turn = np.median(times / times[:, :1], axis=0)
    print(f"{'':<12}{'ms':>8}{'ratio':>8}{'by turn':>9}")
    for name, one, turn in zip(sides, typical, by_turn, strict=True):
        print(f"{name:<12}{1e3 * one:>8.1f}{one / typical[0]:>8.3f}{turn:>9.3f}")
    return 0


def seconds(side: DistributedEncoder, frame: np.ndarray) -> float:
    """Of the processor, for one photo."""
    start = process_time()
    side(frame)
    return process_time() - start


if __name__ == "__main__":
    exit_with(main, "studies.models.local_shards")
