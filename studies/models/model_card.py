"""The scores and the picture of a model's card.

    python -m studies.models.model_card --model tiny --data embedded --figure tiny_masks.jpg

Scores every instance of every data set beside its two baselines, filling the box and growing a
region from the point, with 95 % intervals over photos. The picture shows box-prompted masks of the
first data set at fixed ranks of IoU, so that nobody chose them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from segment_anything import SamPredictor
from tqdm import tqdm

from bench.datasets import Sample, open_dataset
from bench.metrics.miou import (
    frozen_prompts,
    instance_scores,
    iou,
    segment_instances,
    tight_box,
)
from bench.metrics.region_growing import grow, smooth_lab
from bench.report.statistics import mean_interval, paired_gain
from framework import build_sam
from framework.models.build import PedSam
from framework.training.adapt import Adaptation, rearrange
from studies.command import exit_with
from studies.table import told

RANKS = (0.95, 0.75, 0.5, 0.25, 0.05)
"""Shares of the instances that score worse than those shown."""


@dataclass(frozen=True)
class Scored:
    """One instance with what the model made of it."""

    sample: Sample
    index: int
    mask: NDArray[np.bool_]
    box: float
    point: float
    fill: float
    grow: float


def score(sam: PedSam, data: str) -> list[Scored]:
    """Every instance of a data set."""
    dataset = open_dataset(data)
    predictor = SamPredictor(sam)
    found: list[Scored] = []
    for image_id in tqdm(dataset.ids, desc=data, unit="photo"):
        sample = dataset.load(image_id)
        if len(sample.masks):
            found.extend(_instances(predictor, sample))
    return found


def _instances(predictor: SamPredictor, sample: Sample) -> Iterator[Scored]:
    predictor.set_image(sample.image)
    prompts = [frozen_prompts(mask) for mask in sample.masks]
    masks = segment_instances(predictor, prompts)
    lab = smooth_lab(sample.image)
    for i, one in enumerate(instance_scores(masks, sample.masks)):
        yield Scored(
            sample,
            i,
            masks.box[i],
            box=one.box_iou,
            point=one.point_iou,
            fill=one.fill_iou,
            grow=iou(grow(lab, prompts[i].point), sample.masks[i]),
        )


def table(data: str, found: list[Scored]) -> str:
    """One row of the card: means over instances, gains over the baselines."""
    images = [one.sample.image_id for one in found]
    box, point, fill, grown = (
        [getattr(one, name) for one in found] for name in ("box", "point", "fill", "grow")
    )
    cells = [
        data,
        str(len(set(images))),
        str(len(found)),
        told(mean_interval(box, images)),
        f"{np.mean(fill):.3f}",
        told(paired_gain(box, fill, images), sign="+"),
        told(mean_interval(point, images)),
        f"{np.mean(grown):.3f}",
        told(paired_gain(point, grown, images), sign="+"),
    ]
    return "| " + " | ".join(cells) + " |"


def figure(found: list[Scored], path: Path) -> None:
    """True and predicted masks at the `RANKS` of box IoU, the next ones in rank beside them."""
    from matplotlib import pyplot as plt

    ranked = sorted(found, key=lambda one: one.box)
    columns = 3
    fig, axes = plt.subplots(
        len(RANKS), columns, figsize=(3.3 * columns, 2.35 * len(RANKS)), layout="constrained"
    )
    for row, share in zip(axes, RANKS, strict=True):
        first = min(round(share * (len(ranked) - 1)), len(ranked) - columns)
        for ax, one in zip(row, ranked[first : first + columns], strict=True):
            _draw(ax, one)
        row[0].set_ylabel(f"rank {share:.0%}", fontsize=8)
    fig.savefig(path, dpi=110, pil_kwargs={"quality": 85})
    plt.close(fig)


def _draw(ax, one: Scored) -> None:  # type: ignore[no-untyped-def]
    ax.imshow(one.sample.image)
    for mask, colour in ((one.sample.masks[one.index], "#00c853"), (one.mask, "#d50000")):
        if mask.any():
            ax.contour(mask, [0.5], colors=colour, linewidths=1.4)
    x0, y0, x1, y1 = tight_box(one.sample.masks[one.index])
    ax.plot([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color="white", lw=0.8, ls=":")
    ax.set_title(f"IoU {one.box:.2f} (filling the box {one.fill:.2f})", fontsize=8)
    ax.set_xticks([])
    ax.set_yticks([])


def main() -> None:
    """Print the table, draw the picture."""
    parser = argparse.ArgumentParser(description="The scores and the picture of a model's card.")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--checkpoint")
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--figure", type=Path)
    parser.add_argument(
        "--unadapted", action="store_true", help="move the global blocks last, without training"
    )
    args = parser.parse_args()
    sam = build_sam(args.model, args.checkpoint)
    if args.unadapted:
        sam = rearrange(sam, Adaptation())
    print(
        "| data | photos | masks | box | fill box | gain | point | grow point | gain |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    for i, data in enumerate(args.data):
        found = score(sam, data)
        print(table(data, found), flush=True)
        if args.figure and i == 0:
            figure(found, args.figure)


if __name__ == "__main__":
    exit_with(main, "studies.models.model_card")
