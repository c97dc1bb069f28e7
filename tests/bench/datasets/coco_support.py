"""A small data set in COCO format, to be changed in one place by each test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from bench.datasets import Dataset, open_dataset

H, W = 40, 60
BOX = np.zeros((H, W), bool)
BOX[10:20, 5:25] = True


def runs(mask: np.ndarray) -> list[int]:
    """Uncompressed run lengths, by columns, starting with zeros."""
    flat = mask.ravel(order="F").astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths


def compressed(mask: np.ndarray) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode()}


SEGMENTATIONS: dict[str, Any] = {
    "polygon": [[5, 10, 25, 10, 25, 20, 5, 20]],
    "two polygons": [[5, 10, 15, 10, 15, 20, 5, 20], [15, 10, 25, 10, 25, 20, 15, 20]],
    "runs": {"size": [H, W], "counts": runs(BOX)},
    "compressed": compressed(BOX),
}


def write(folder: Path, annotations: list[dict[str, Any]] | None = None) -> Path:
    """Three photos, a.png, sub/b.jpg and c.png, with the annotations; returns the folder."""
    images = folder / "images"
    (images / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = ["a.png", "sub/b.jpg", "c.png"]
    for name in names:
        Image.fromarray(rng.integers(0, 255, (H, W, 3), dtype=np.uint8)).save(images / name)
    if annotations is None:
        kinds = list(SEGMENTATIONS.values())
        annotations = [
            {"id": 10 + n, "image_id": 1, "iscrowd": 0, "segmentation": kind}
            for n, kind in enumerate(kinds)
        ]
        annotations.append({"id": 20, "image_id": 1, "iscrowd": 1, "segmentation": kinds[2]})
        annotations.append({"id": 21, "image_id": 2, "segmentation": kinds[0]})
    entries = [
        {"id": n + 1, "file_name": name, "height": H, "width": W} for n, name in enumerate(names)
    ]
    content = {"images": entries, "annotations": annotations, "categories": []}
    (folder / "instances.json").write_text(json.dumps(content))
    return folder


def opened(folder: Path, **options: str) -> Dataset:
    return open_dataset(f"coco:{folder}", **options)


def edit(folder: Path, change: Any) -> None:
    """Change the content of the annotation file."""
    path = folder / "instances.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def renamed(folder: Path, file_name: str | None, **fields: Any) -> Dataset:
    """The data set with another file name for a.png in its annotation file."""
    edit(folder, lambda content: content["images"][0].update(file_name=file_name, **fields))
    return opened(folder)
