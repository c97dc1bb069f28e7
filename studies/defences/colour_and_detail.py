"""What a defence hides of a patch: its mean colour, or the detail around it.

    python -m studies.defences.colour_and_detail --data coco:bsds500_val [--limit 12] [--out DIR]

The best linear map from the tokens of the first round to pixels is fitted on half of the photos.
Told is which share of the variance it explains on the other half: of the patches' mean colours, and
of what is left of the pixels without them. Trained defences need their weights: pedbench defend.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide
from torch.nn.functional import unfold

from bench.datasets import open_dataset
from framework.errors import PedbenchError
from framework.models.build import PedSam, build_sam
from framework.split.defences import make_defence
from studies.command import exit_with
from studies.table import write_table

PLAN = "interleaved"
DEFENCES = ("none", "gaussian_once:1", "gaussian_once:2", "learned_noise:0.3", "learned_noise:1")
PENALTY = 1e-2
"""Of the linear map, in the square of token values."""

Values = NDArray[np.float64]


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="look at photos of this data set")
    parser.add_argument("--limit", type=int, default=12, help="look at so many (default: 12)")
    parser.add_argument(
        "--defences", nargs="+", default=DEFENCES, metavar="NAME:STRENGTH", help="judge these"
    )
    parser.add_argument("--out", type=Path, help="folder for the table")
    options = parser.parse_args()
    sam = build_sam("tiny")
    photos = open_dataset(options.data)
    resize = ResizeLongestSide(sam.arch.img_size).apply_image
    frames = [resize(photos.load(image_id).image) for image_id in photos.ids[: options.limit]]
    if len(frames) < 2:
        raise PedbenchError(f"{options.data}: give a data set of at least 2 photos")
    rows = [_row(sam, frames, spec) for spec in options.defences]
    write_table(pd.DataFrame(rows), "colour_and_detail", "Told of a patch", options.out)
    return 0


def _row(sam: PedSam, frames: Sequence[NDArray[np.uint8]], spec: str) -> dict[str, object]:
    name, _, strength = spec.partition(":")
    defence = make_defence(name, float(strength) if strength else None)
    defence.bind(sam, PLAN)
    rng = np.random.default_rng(0)
    pairs = [_patches(sam, frame) for frame in frames]
    sent = [defence.protect(tokens, rng)[shown].astype(float) for tokens, shown, _, _ in pairs]
    half = len(frames) // 2
    row: dict[str, object] = {"defence": name, "strength": defence.strength}
    for column, part in (("mean_colour", 2), ("detail", 3)):
        wanted = [pair[part] for pair in pairs]
        row[column] = explained(
            *map(np.concatenate, (sent[:half], wanted[:half], sent[half:], wanted[half:]))
        )
    return row | {"images": len(frames)}


@torch.inference_mode()
def _patches(
    sam: PedSam, frame: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], Values, Values]:
    """Tokens [rows, columns, channels], where they show the photo, its mean colours, its detail."""
    side = sam.arch.patch_size
    image = sam.preprocess(torch.as_tensor(frame).permute(2, 0, 1)[None])
    tokens = sam.runtime.embed(image)[0].numpy()
    pixels = unfold(image, side, stride=side)[0].T.reshape(*tokens.shape[:2], 3, side**2)
    shown = (pixels.abs().sum(dim=(2, 3)) > 0).numpy()
    values = pixels.double().numpy()[shown]
    means = values.mean(axis=-1)
    return tokens, shown, means, (values - means[..., None]).reshape(len(values), -1)


def explained(tokens: Values, wanted: Values, others: Values, truth: Values) -> float:
    """Share of the variance of ``truth`` that a linear map of ``others`` explains.

    The map is fitted to ``tokens`` and ``wanted``. Below 0 it is worse than the mean.
    """
    centre, mean = tokens.mean(axis=0), wanted.mean(axis=0)
    inner = (tokens - centre).T @ (tokens - centre) + PENALTY * np.eye(tokens.shape[1])
    found = np.linalg.solve(inner, (tokens - centre).T @ (wanted - mean))
    missed = truth - mean - (others - centre) @ found
    return float(1 - np.square(missed).sum() / np.square(truth - truth.mean(axis=0)).sum())


if __name__ == "__main__":
    exit_with(main, "studies.defences.colour_and_detail")
