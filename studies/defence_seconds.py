"""Processor time that each defence takes on the edge for one picture.

``python -m studies.defence_seconds [--out DIR]``

``protect_frame`` and ``protect_window`` of the first round on a photo of scikit-image, median of
`REPEATS`, one thread. Trained defences are left out: they need weights.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import skimage.data
import torch
from segment_anything.utils.transforms import ResizeLongestSide

from framework.models.build import build_sam
from framework.split.defences import DEFENCES
from framework.split.defences.base import Context, Defence
from framework.split.defences.trained.base import TrainedDefence
from framework.split.windows import WindowGrid
from studies.table import write_table

REPEATS = 15
STRENGTHS = {"downsample": 1.0, "blur": 2.0, "decoys": 1.0}


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, help="folder for the table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sam = build_sam("tiny", "random")
    frame = ResizeLongestSide(sam.arch.img_size).apply_image(skimage.data.astronaut())
    with torch.inference_mode():
        image = torch.as_tensor(frame).permute(2, 0, 1)[None]
        tokens = sam.runtime.embed(sam.preprocess(image))[0].numpy()
    rows = []
    for name, kind in DEFENCES.items():
        if name != "none" and not issubclass(kind, TrainedDefence):
            defence = kind(STRENGTHS.get(name, 0.5))
            rows.append({"defence": name, "milliseconds": 1000 * _seconds(defence, frame, tokens)})
    write_table(pd.DataFrame(rows), "defence_seconds", "Processor time of defences", options.out)
    return 0


def _seconds(defence: Defence, frame: np.ndarray, tokens: np.ndarray) -> float:
    grid, rng, taken = WindowGrid(256, 8, 7, frame.shape[:2]), np.random.default_rng(0), []
    for _ in range(REPEATS):
        start = time.process_time()
        defence.protect_frame(frame, rng)
        for window in grid.windows:
            defence.protect_window(tokens[window.token_slice], rng, Context(window, 0, grid))
        taken.append(time.process_time() - start)
    return float(np.median(taken))


if __name__ == "__main__":
    sys.exit(main())
