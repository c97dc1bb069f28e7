"""Words that can still be read when `sensitive_local:text` keeps lines of text on the edge.

``python -m studies.recognition.words_at_home [--scenes N] [--out DIR]``

Synthetic scenes with known words. RapidOCR reads what one shard received, and what all shards
received together. No model is needed: the policy sees the model input.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from segment_anything.utils.transforms import ResizeLongestSide

from bench.datasets import open_dataset
from bench.datasets.synthetic import SyntheticSample
from bench.recognition.text.text import Reading
from bench.report.statistics import mean_interval
from bench.runner.evaluation.recognition import as_received
from framework.models.named import architecture
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid
from framework.transport.round import HOME
from studies.command import exit_with
from studies.table import write_table

SCENES = "synthetic:64@11"
POLICIES_TRIED = ("sticky", "sensitive_local:text")
SHARDS = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=25, help="scenes with words")
    parser.add_argument("--model", default="tiny", help="whose input size and windows count")
    parser.add_argument("--out", type=Path, help="folder for the table")
    options = parser.parse_args(arguments)
    rows = [row for scene in scenes(options.scenes) for row in read(scene, options.model)]
    title = f"Words read, {options.model}, {SHARDS} shards, {options.scenes} scenes"
    write_table(pd.DataFrame(summary(pd.DataFrame(rows))), "words_at_home", title, options.out)
    return 0


def scenes(count: int) -> Iterator[SyntheticSample]:
    """Scenes in which words are printed."""
    dataset = open_dataset(SCENES)
    samples = (dataset.load(image_id) for image_id in dataset.ids)
    return islice((s for s in samples if isinstance(s, SyntheticSample) and s.words), count)


def read(scene: SyntheticSample, model: str) -> Iterator[dict[str, object]]:
    """One row a policy: the share kept, and what is read from one shard and from all."""
    reader, arch = Reading(), architecture(model)
    frame = ResizeLongestSide(arch.img_size).apply_image(scene.image)
    grid = WindowGrid.of(arch, frame.shape[:2])
    truth = reader.truth(scene, grid.frame_size)
    for policy in POLICIES_TRIED:
        owners = POLICIES.get(policy)(seed=0).seeing(frame).assign(grid, SHARDS)
        sent = {i for i in grid.content if owners[i] != HOME}
        row: dict[str, object] = {"scene": scene.image_id, "policy": policy}
        row["kept"] = 1 - grid.pixel_mask(sent).mean()
        for holder, held in (("one", {i for i in sent if owners[i] == 0}), ("all", sent)):
            seen = as_received(frame, grid.pixel_mask(held))
            row |= {f"{m}, {holder}": float(v or 0) for m, v in reader.score(seen, truth).items()}
        yield row


def summary(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """One row a policy and measure: mean and 95 % interval over scenes."""
    for policy, part in rows.groupby("policy"):
        for measure in part.columns.drop(["scene", "policy"]):
            mean, low, high = mean_interval(np.asarray(part[measure], float), list(part["scene"]))
            yield {"policy": policy, "measure": measure, "mean": mean, "low": low, "high": high}


if __name__ == "__main__":
    exit_with(main, "studies.recognition.words_at_home")
