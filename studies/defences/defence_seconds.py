"""Processor time that each defence takes on the edge for one picture of `tiny`.

``python -m studies.defences.defence_seconds [--repeats N] [--out DIR]``

``protect_frame``, ``protect_window`` and ``restore_window`` of all windows on a photo of
scikit-image, median, one thread. Trained defences get weights of one step, which take as long as
others. The table of a report reads ``bench/report/topics/utility/defence_seconds.csv``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import skimage.data
import torch
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from framework.models.build import PedSam, build_sam
from framework.split.defences import DEFENCES
from framework.split.defences.base import Context, Defence
from framework.split.defences.trained.base import TrainedDefence
from framework.split.windows import WindowGrid
from studies.command import exit_with
from studies.table import write_table

PLAN = "interleaved"
STRENGTHS = {"downsample": 1.0, "blur": 2.0, "decoys": 1.0, "hide_layout": 20.0}


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15, help="take the median of so many")
    parser.add_argument("--out", type=Path, help="folder for the table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sam = build_sam("tiny", "random")
    frame = ResizeLongestSide(sam.arch.img_size).apply_image(skimage.data.astronaut())
    with torch.inference_mode():
        image = torch.as_tensor(frame).permute(2, 0, 1)[None]
        tokens = sam.runtime.embed(sam.preprocess(image))[0].numpy()
    rows = []
    for name in DEFENCES.names():
        if name != "none":
            defence = _ready(DEFENCES.get(name)(STRENGTHS.get(name, 0.5)), sam, frame)
            first, later = (
                1000 * _seconds(defence, frame, tokens, index, options.repeats) for index in (0, 1)
            )
            row = {"defence": name, "first_round_ms": first, "later_round_ms": later}
            rows.append(row)
    write_table(pd.DataFrame(rows), "defence_seconds", "Processor time of defences", options.out)
    return 0


def _ready(defence: Defence, sam: PedSam, frame: NDArray[np.uint8]) -> Defence:
    if isinstance(defence, TrainedDefence):
        defence.load(defence.fit(sam, PLAN, [frame], 1, 0))
    return defence


def _seconds(
    defence: Defence,
    frame: NDArray[np.uint8],
    tokens: NDArray[np.float32],
    index: int,
    repeats: int,
) -> float:
    """Of round ``index``; the picture itself is protected once, before the first."""
    grid, rng, taken = WindowGrid(256, 8, 7, frame.shape[:2]), np.random.default_rng(0), []
    for _ in range(repeats):
        start = time.process_time()
        if index == 0:
            defence.protect_frame(frame, rng)
            defence.decoy_pictures(frame, rng)
        for window in grid.windows:
            context = Context(window, index, grid)
            sent = defence.protect_window(tokens[window.token_slice], rng, context)
            defence.restore_window(sent, context)
        taken.append(time.process_time() - start)
    return float(np.median(taken))


if __name__ == "__main__":
    exit_with(main, "studies.defences.defence_seconds")
