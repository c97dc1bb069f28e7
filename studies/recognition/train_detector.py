"""The weights of the recognisers `garments` and `cars`, from photos with masks.

    python -m studies.recognition.train_detector garments --photos coco:clothes_train
        --check coco:clothes_public
    python -m studies.recognition.train_detector cars --photos coco:street_train --epochs 10
    --looks 2

What EfficientNet-Lite0 sees of three views of each photo is computed once; the pyramid and the
heads learn from it. Writes ``NAME.safetensors`` (float16) to
``bench/recognition/detectors/weights``, lists the photos in ``NAME_photos.csv`` there, and prints
the SHA-256 of both and the confidence that the recogniser must name. The confidence has the best F1
on photos that are neither trained on nor scored: ``--check``, or for cars the last frames of the
drive whose first frames are scored.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from attacks.networks.shipped import write_photos
from bench.datasets import Dataset, open_dataset
from bench.datasets.disjoint import photo_of
from bench.recognition.boxes import as_boxes, match
from bench.recognition.canvas import on_canvas
from bench.recognition.detectors.box_detector import FOLDER, SIDE
from bench.recognition.detectors.box_network import (
    MEAN,
    SCALE,
    BoxNetwork,
    Levels,
    own_weights,
    trunk,
)
from bench.recognition.detectors.garments import CATEGORIES
from framework.files.download import sha256_of
from studies.command import exit_with
from studies.recognition.detection_data import View, labelled, small, views

DRIVE, SCORED = "0006R0", 25
"""The drive of ``street_train`` that no detector is trained on; its first frames are scored."""
CARS = {"car": ("car",)}
BATCH = 8
RATE = 2e-3
WARM_UP = 50
"""Steps in which the learning rate rises."""
WEIGHT_DECAY = 1e-2
LOWEST = 0.2
"""Confidence of boxes that are looked at when one is chosen."""


class Seen(NamedTuple):
    """What the trunk saw of one view, float16, and the true boxes in pixels of the canvas."""

    levels: Levels
    target: dict[str, Tensor]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    data = open_dataset(options.photos)
    classes, whole = (CATEGORIES, True) if options.name == "garments" else (CARS, False)
    ids = [i for i in data.ids if not i.startswith(DRIVE)][: options.limit]
    photos = options.looks * labelled(data, ids, classes, whole)
    shown = [view for photo in photos for view in views(photo, rng)]
    seen = [look(view) for view in shown if len(view.labels) or options.name == "cars"]
    print(f"{len(ids)} photos, {len(seen)} views, {sum(map(boxes_of, seen))} boxes", flush=True)
    network = BoxNetwork(len(classes), LOWEST)
    curve = list(training(network, seen, options.epochs, rng))
    if options.check:
        other = open_dataset(options.check)
        checked = labelled(other, other.ids[: options.limit], classes, whole)
    else:
        checked = labelled(data, list(held_out(data)[SCORED:]), classes, whole)
    card = {"photos": len(ids), "views": len(seen), "epochs": options.epochs, "seed": options.seed}
    write(options, network, data, ids, card | {"loss": curve} | chosen(network.eval(), checked))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=["garments", "cars"])
    parser.add_argument("--photos", required=True, help="coco:DIR to train on")
    parser.add_argument("--check", help="coco:DIR to choose the confidence on")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--looks", type=int, default=1, help="times that a photo is viewed anew")
    parser.add_argument("--limit", type=int, help="photos at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the weights")
    return parser


def held_out(data: Dataset) -> tuple[str, ...]:
    """The frames of `DRIVE`, in their order: the first are scored, the others choose."""
    return tuple(image_id for image_id in data.ids if image_id.startswith(DRIVE))


def look(view: View) -> Seen:
    """A view on the canvas, its sides multiples of 32, as the trunk sees it."""
    canvas = on_canvas(view.image, view.image.shape[:2], SIDE)
    height, width = (max(32, round(side / 32) * 32) for side in canvas.shape[:2])
    canvas = np.asarray(cv2.resize(canvas, (width, height)), np.uint8)
    pixels = (torch.from_numpy(canvas).permute(2, 0, 1)[None] / 255 - MEAN) / SCALE
    boxes = as_boxes(view.boxes * [width, height, width, height])
    target = {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(view.labels)}
    return Seen([level.half() for level in trunk(pixels)], target)


def boxes_of(seen: Seen) -> int:
    """How many boxes a view has."""
    return len(seen.target["labels"])


def training(
    network: BoxNetwork, seen: Sequence[Seen], epochs: int, rng: np.random.Generator
) -> Iterator[float]:
    """Mean loss of each epoch."""
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    total, step = epochs * len(list(batches(seen, rng))), 0
    for epoch in range(epochs):
        losses = []
        for batch in batches(seen, rng):
            rise = min(1.0, (step + 1) / WARM_UP)
            for group in optimizer.param_groups:
                group["lr"] = RATE * rise * (0.5 + 0.5 * math.cos(math.pi * step / total))
            levels = [
                torch.cat(each).float() for each in zip(*(s.levels for s in batch), strict=True)
            ]
            loss = network.train().loss(levels, [s.target for s in batch])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            losses.append(loss.item())
            step += 1
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}", flush=True)
        yield round(float(np.mean(losses)), 4)


def batches(seen: Sequence[Seen], rng: np.random.Generator) -> Iterator[list[Seen]]:
    """All views once, those of one size together."""
    sizes: dict[torch.Size, list[Seen]] = {}
    for index in rng.permutation(len(seen)):
        sizes.setdefault(seen[index].levels[0].shape, []).append(seen[index])
    cut = [each[i : i + BATCH] for each in sizes.values() for i in range(0, len(each), BATCH)]
    yield from (cut[i] for i in rng.permutation(len(cut)))


@torch.inference_mode()
def chosen(network: BoxNetwork, photos: Sequence[View]) -> dict[str, float]:
    """The confidence with the best F1 on photos, with recall and precision there."""
    found = []
    for photo in map(small, photos):
        canvas = on_canvas(photo.image, photo.image.shape[:2], SIDE)
        output = network([torch.from_numpy(canvas).permute(2, 0, 1) / 255])[0]
        height, width = canvas.shape[:2]
        placed = as_boxes(output["boxes"].numpy() / [width, height, width, height])
        found.append((placed, output["labels"].numpy(), output["scores"].numpy()))
    best = {"f1": -1.0}
    for sure in np.arange(LOWEST, 0.7, 0.025):
        hits = there = given = 0
        for photo, (boxes, labels, scores) in zip(photos, found, strict=True):
            kept = scores >= sure
            same = photo.labels[:, None] == labels[kept][None]
            hits += match(photo.boxes, boxes[kept], same)
            there, given = there + len(photo.labels), given + int(kept.sum())
        f1 = 2 * hits / max(1, there + given)
        if f1 > best["f1"]:
            recall, precision = hits / max(1, there), hits / max(1, given)
            best = {"sure": sure, "f1": f1, "recall": recall, "precision": precision}
    return {name: round(float(value), 3) for name, value in best.items()}


def write(
    options: argparse.Namespace,
    network: BoxNetwork,
    data: Dataset,
    ids: Sequence[str],
    card: dict[str, object],
) -> None:
    """Weights, their card, and the photos that trained them."""
    path = options.out / f"{options.name}.safetensors"
    save_file(own_weights(network), path)
    listed = options.out / f"{options.name}_photos.csv"
    write_photos(listed, [photo_of(data, image_id) for image_id in ids])
    card |= {"data": data.name, "sha256": sha256_of(path), "photos_sha256": sha256_of(listed)}
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card))


if __name__ == "__main__":
    exit_with(main, "studies.recognition.train_detector")
