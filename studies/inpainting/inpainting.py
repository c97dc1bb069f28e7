"""Learned inpainting beside the classic methods and the floors, by how much is visible.

    python -m studies.inpainting.inpainting --data coco:DIR --public coco:DIR --limit 50

Every photo is seen as pixels by a random coalition of ``tiny``'s windows at each visible fraction,
under each policy. First PSNR and LPIPS of what is hidden, means over photos and policies; then what
each learned inpainter gains over the others on its own measure, paired, with 95 % intervals over
photos; a gain is always an improvement.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from attacks.base import ATTACKS, Attack, Knowledge, PublicExample
from attacks.features.canvas import Canvas
from attacks.features.completion import Completion
from bench.datasets import open_dataset
from bench.datasets.disjoint import check_disjoint, check_unseen
from bench.metrics.base import METRICS
from bench.report.statistics import paired_gain
from framework.split.observation import Observation
from studies.command import exit_with
from studies.inpainting.inpainting_data import (
    POLICIES_TRIED,
    SHARDS,
    Photo,
    coalition,
    frame,
    grid_of,
    hidden_but,
    photos,
)
from studies.table import told

FLOORS = ("mean_colour", "dataset_mean")
CLASSIC = ("telea", "navier_stokes", "biharmonic", "push_pull")
LEARNED = {
    "kriging": "psnr",
    "gated_inpainting": "psnr",
    "mae_inpainting": "psnr",
    "gated_inpainting_lpips": "lpips",
}
"""What was learned from public photos, if only a covariance, and the measure it aims at."""
DIGITS = {"psnr": 2, "lpips": 3}

Scores = dict[tuple[float, str, str], list[tuple[str, float]]]
"""Visible fraction, attack and measure → photo and value of each filling, in one order."""


def attackers(public: Sequence[Photo]) -> dict[str, Attack]:
    """Every inpainter and floor, fitted to the public photos."""
    found = {name: ATTACKS.get(name)() for name in (*FLOORS, *CLASSIC, *LEARNED)}
    examples = [_example(photo) for photo in public]
    for attack in found.values():
        attack.fit(Knowledge(None, examples))
    return found


def scored(attacks: dict[str, Attack], data: str, limit: int, seed: int) -> Scores:
    """Every attack on every photo, fraction and policy."""
    metrics = {name: METRICS.get(name)() for name in DIGITS}
    scores: Scores = defaultdict(list)
    for image_id, picture in _frames(data, limit):
        for fraction, canvas in _canvases(picture, seed):
            pictures = [_completed(attack, canvas) for attack in attacks.values()]
            for measure, metric in metrics.items():
                rows = metric.score_many(picture, pictures, [~canvas.known])
                for name, (value,) in zip(attacks, rows, strict=True):
                    assert value is not None
                    scores[fraction, name, measure].append((image_id, value))
        seed += 1
    return scores


def _frames(data: str, limit: int) -> Iterator[tuple[str, Photo]]:
    dataset = open_dataset(data)
    for image_id in tqdm(dataset.ids[:limit], desc=data, unit="photo"):
        yield image_id, frame(dataset.load(image_id).image)


def _canvases(picture: Photo, seed: int) -> Iterator[tuple[float, Canvas]]:
    grid = grid_of((picture.shape[0], picture.shape[1]))
    for fraction in SHARDS:
        for policy in POLICIES_TRIED:
            yield fraction, hidden_but(picture, coalition(grid, fraction, policy, seed))


def _completed(attack: Attack, canvas: Canvas) -> NDArray[np.uint8]:
    if isinstance(attack, Completion):
        return canvas.completed(attack.fill(canvas))
    size = (canvas.known.shape[0], canvas.known.shape[1])
    return canvas.completed(attack.reconstruct(_nothing(size)).astype(np.float32))


def _example(photo: Photo) -> PublicExample:
    picture = frame(photo)
    return PublicExample(picture, _nothing((picture.shape[0], picture.shape[1])))


def _nothing(size: tuple[int, int]) -> Observation:
    """An observation of which floors use the frame's size alone."""
    grid = grid_of(size)
    sides = grid.img_size, grid.patch_size, grid.window_size
    return Observation(
        *sides, size, n_shards=1, shards=(), plan="local", payload="pixels", messages=()
    )


def means(scores: Scores, measure: str) -> str:
    """Means of each attack at each fraction, as a table."""
    rows = [_head(measure)]
    for name in (*FLOORS, *CLASSIC, *LEARNED):
        values = [[v for _, v in scores[fraction, name, measure]] for fraction in SHARDS]
        cells = [f"{np.mean(each):.{DIGITS[measure]}f}" for each in values]
        rows.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def gains(scores: Scores) -> str:
    """Learned inpainters against each of the others on their own measure, as a table."""
    rows = [_head("gain over")]
    for name, measure in LEARNED.items():
        for other in (*FLOORS, *CLASSIC):
            cells = [_gain(scores, fraction, name, other, measure) for fraction in SHARDS]
            rows.append(f"| `{name}` over `{other}`, {measure} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _gain(scores: Scores, fraction: float, name: str, other: str, measure: str) -> str:
    ours, theirs = (scores[fraction, each, measure] for each in (name, other))
    sign = 1 if METRICS.get(measure).higher_is_worse else -1
    images = [image for image, _ in ours]
    gain = paired_gain([sign * v for _, v in ours], [sign * v for _, v in theirs], images)
    return told(gain, DIGITS[measure], "+")


def _head(first: str) -> str:
    fractions = " | ".join(f"1/{round(1 / f)}" if f <= 0.5 else f"{f:.2f}" for f in SHARDS)
    return f"\n| {first} | {fractions} |\n| --- |" + " ---: |" * len(SHARDS)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="photos to score")
    parser.add_argument("--public", action="append", required=True, help="photos of the floors")
    parser.add_argument("--limit", type=int, default=50, help="photos at most")
    parser.add_argument("--seed", type=int, default=0, help="of the coalitions")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    public = [open_dataset(spec) for spec in options.public]
    fillers = attackers(photos(options.public))
    data = open_dataset(options.data)
    check_disjoint(public, data)
    check_unseen(fillers, data)
    scores = scored(fillers, options.data, options.limit, options.seed)
    for measure in DIGITS:
        print(means(scores, measure))
    print(gains(scores))


if __name__ == "__main__":
    exit_with(main, "studies.inpainting.inpainting")
