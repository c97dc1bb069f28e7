"""Files of what was seen, reconstructed and segmented: PNG, or lossless WebP."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from bench.datasets import Sample
from bench.file_names import file_name
from bench.spec.cells import AttackCell, Pipeline
from framework.files.writing import write_file
from framework.split.observation import Observation

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

MASK_COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
HIDDEN_GREY = 24

TRUTH = "truth.png"
SEEN = "seen.png"
VISIBLE = "visible.png"
"""White where the coalition saw pixels, black elsewhere, one bit a pixel."""


class Pictures:
    """The pictures of one image of a run, under ``images/<image_id>/`` of its folder."""

    def __init__(self, folder: Path, image_id: str) -> None:
        self.folder = folder
        self.home = folder / "images" / file_name(image_id)
        self._written: set[Path] = set()

    def reconstruction(
        self,
        cell: AttackCell,
        model_input: Image,
        visible: NDArray[np.bool_],
        picture: Image,
        compactly: bool = False,
    ) -> str:
        """Keep a reconstruction beside the truth and what was seen; its path in the run folder.

        Args:
            compactly: as lossless WebP, without a picture of what was seen.
        """
        suffix = "" if cell.threat.choice == "largest" else f"-{cell.threat.choice}"
        if cell.variant:
            suffix += f"-{cell.variant}"
        place = self.home / f"{cell.pipeline.slug}-c{cell.threat.coalition}{suffix}"
        self._write((place if cell.variant else self.home) / TRUTH, model_input)
        self._write(place / VISIBLE, visible)
        if compactly:
            return self._write(place / f"{cell.file_name}.webp", picture, replace=True)
        self._write(place / SEEN, greyed(model_input, visible))
        return self._write(place / f"{cell.file_name}.png", picture, replace=True)

    def owners(self, pipeline: Pipeline, seen: Observation) -> None:
        """Write which shard had which window: rows of y0, x0, y1, x1 (model input), owner."""
        boxes = [
            [*seen.grid.pixel_box(seen.grid.windows[message.window]), message.shard]
            for message in seen.messages
            if message.round == 0
        ]
        path = self.home / f"owners_{pipeline.slug}.json"
        write_file(path, json.dumps({"n_shards": pipeline.n_shards, "windows": boxes}))

    def masks(self, sample: Sample, masks: NDArray[np.bool_], pipeline: Pipeline) -> str:
        """Keep true and predicted masks, drawn over the photo; the path of the latter."""
        self._write(self.home / "mask_truth.png", overlay(sample.image, sample.masks))
        target = self.home / f"mask_{pipeline.slug}.png"
        return self._write(target, overlay(sample.image, masks), replace=True)

    def _write(self, path: Path, picture: Image | Mask, replace: bool = False) -> str:
        if replace or path not in self._written:
            self._written.add(path)
            write_file(path, encoded(picture, path))
        return str(path.relative_to(self.folder))


def encoded(picture: Image | Mask, path: Path) -> bytes:
    """A picture in the format that a file's ending names, without loss if it can be."""
    content = io.BytesIO()
    form = Pillow.registered_extensions()[path.suffix.lower()]
    Pillow.fromarray(picture).save(content, format=form, lossless=True)
    return content.getvalue()


def greyed(picture: Image, visible: Mask) -> Image:
    """A picture uint8 [h, w, 3] in one dark grey where ``visible`` bool [h, w] is not set."""
    return np.where(visible[..., None], picture, np.uint8(HIDDEN_GREY)).astype(np.uint8)


def companions(folder: Path, picture: str) -> list[Path]:
    """A kept picture and the files of the run ``folder`` that are read together with it."""
    path = folder / picture
    if path.name.startswith("mask_"):
        return [path, path.with_name("mask_truth.png")]
    place, home = path.parent, path.parent.parent
    owners = [
        file
        for file in home.glob("owners_*.json")
        if place.name.startswith(file.stem.removeprefix("owners_") + "-c")
    ]
    beside = [place / SEEN, place / VISIBLE, place / TRUTH, home / TRUTH]
    return [path, *(file for file in beside if file.is_file()), *owners]


def kept_size(folder: Path) -> tuple[int, int]:
    """How many files the pictures of a run folder are, and their bytes."""
    sizes = [path.stat().st_size for path in (folder / "images").rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def overlay(photo: Image, masks: NDArray[np.bool_], side: int = 512) -> Image:
    """Masks [n, h, w] in colour over a photo uint8 [h, w, 3], reduced to ``side`` pixels."""
    canvas = photo.astype(np.float32)
    for index in np.argsort([-int(mask.sum()) for mask in masks]):
        colour = np.array(MASK_COLOURS[index % len(MASK_COLOURS)], dtype=np.float32)
        mask = masks[index]
        canvas[mask] = 0.45 * canvas[mask] + 0.55 * colour
    picture = Pillow.fromarray(canvas.round().astype(np.uint8))
    picture.thumbnail((side, side))
    return np.asarray(picture)


def draw_box(photo: Image, box: Sequence[float]) -> Image:
    """A box x0, y0, x1, y1 drawn on a photo."""
    picture = Pillow.fromarray(photo)
    width = max(1, max(picture.size) // 250)
    ImageDraw.Draw(picture).rectangle(list(box), outline=(255, 255, 255), width=width)
    return np.asarray(picture)
