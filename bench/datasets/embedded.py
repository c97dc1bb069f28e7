"""``embedded``: photos that installed packages carry, with masks that this project drew."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.datasets.base import (
    DATASETS,
    Dataset,
    Image,
    Mask,
    Sample,
    SampleError,
    fingerprint,
    stack_masks,
    unknown_image,
)
from bench.datasets.decode.masks import decode_segmentation
from bench.datasets.description.about import About, PhotoFile
from bench.datasets.packaged.wheels import wheel_file
from framework.errors import PedbenchError
from framework.files.download import sha256_of
from framework.files.photos import read_photo

ANNOTATIONS = Path(__file__).parent / "data" / "embedded" / "instances.json"
ABOUT = ANNOTATIONS.with_name("about.json")


@DATASETS.register("embedded")
class Embedded(Dataset):
    """Photos of scikit-image and scikit-learn; only the masks are part of this project.

    A photo is used if it is the one that the masks were drawn on: its file or its pixels have the
    recorded SHA-256.

    Args:
        annotations: COCO file whose images have ``name``, ``package``, ``package_path``,
            ``sha256`` (of pixels) and ``file_sha256``.
    """

    summary = "photos that scikit-image and scikit-learn carry, with masks drawn for this project"
    usage = "embedded"
    name = "embedded"

    def __init__(self, annotations: Path = ANNOTATIONS) -> None:
        if not annotations.is_file():
            raise PedbenchError(f"{annotations} is missing: install pedbench anew")
        self.annotations: Path = annotations
        self._content = json.loads(annotations.read_text(encoding="utf-8"))
        self._entries = {entry["name"]: entry for entry in self._content["images"]}

    @classmethod
    def open(cls, argument: str, **options: str) -> Dataset:
        """Takes no argument."""
        if argument:
            raise PedbenchError(f"embedded:{argument} is not understood: give {cls.usage}")
        return cls()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._entries)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.ids, sha256_of(self.annotations))

    @property
    def about(self) -> About:
        return About.of(json.loads(ABOUT.read_text(encoding="utf-8")))

    def photo_files(self) -> dict[str, PhotoFile]:
        return {
            name: PhotoFile(entry["package_path"], _file(entry))
            for name, entry in self._entries.items()
        }

    def load(self, image_id: str) -> Sample:
        if image_id not in self._entries:
            raise unknown_image(self, image_id)
        entry = self._entries[image_id]
        image = _photo(entry)
        masks: dict[str, Mask] = {}
        for instance in self._content["annotations"]:
            if instance["image_id"] == entry["id"]:
                mask = decode_segmentation(instance["segmentation"], *image.shape[:2])
                name = instance.get("name", str(instance["id"]))
                masks[f"{name} {instance['id']}" if name in masks else name] = mask
        return Sample(
            image_id=image_id,
            image=image,
            masks=stack_masks(masks.values(), image.shape),
            mask_ids=tuple(masks),
            scene=f"{entry['package']}/{image_id}",
        )


def _photo(entry: dict[str, Any]) -> Image:
    """The photo of an entry, checked.

    Raises:
        SampleError: its package is not installed, or carries another picture.
    """
    path, package = _file(entry), entry["package"]
    image = read_photo(path)
    if sha256_of(path) != entry["file_sha256"] and pixel_sha256(image) != entry["sha256"]:
        raise SampleError(
            f"{path} is not the picture that the masks were drawn on: install another "
            f"version of {package}"
        )
    return image


def _file(entry: dict[str, Any]) -> Path:
    """The file of an entry's photo.

    Raises:
        SampleError: its package is not installed, or lacks it.
    """
    package, inside = entry["package"], entry["package_path"]
    path = wheel_file(inside)
    if path is None:
        raise SampleError(f"{package} does not carry {inside}: pip install --upgrade {package}")
    return path


def pixel_sha256(image: Image) -> str:
    """SHA-256 of ``"HxWx3:"`` and the RGB bytes in row order."""
    height, width = image.shape[:2]
    return hashlib.sha256(f"{height}x{width}x3:".encode() + image.tobytes()).hexdigest()
