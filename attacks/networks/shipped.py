"""Weights that come with the package, and the photos that trained them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from framework.errors import PedbenchError
from framework.files.download import sha256_of

FOLDER = Path(__file__).parents[1] / "weights"
PHOTOS = FOLDER / "photos.csv"
"""The photos that trained the weights in this folder."""


@dataclass(frozen=True)
class Photo:
    """A photo that trained shipped weights, known by its looks alone.

    Attributes:
        dataset, image_id: where it came from.
        bits, mirrored: perceptual hash of it and of its mirror image, 64 bits in hexadecimal.
    """

    dataset: str
    image_id: str
    bits: str
    mirrored: str


def read_photos(path: Path) -> list[Photo]:
    """The photos that a list names.

    Raises:
        PedbenchError: the list is missing or not one.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [Photo(**row) for row in csv.DictReader(file)]
    except (OSError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise PedbenchError(
            f"{path} is no list of photos ({reason}): install pedbench again"
        ) from error


def write_photos(path: Path, photos: Iterable[Photo]) -> None:
    """Write a list that `read_photos` reads."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Photo)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(photo) for photo in photos)


def shipped(name: str, sha256: str) -> dict[str, NDArray[np.float32]]:
    """The weights of attack ``name``: named arrays, float32.

    Args:
        sha256: of the file, so that a change of weights is a change of the source.

    Raises:
        PedbenchError: the file is missing, or is not the one meant.
    """
    path = FOLDER / f"{name}.safetensors"
    if not path.is_file():
        raise PedbenchError(f"attack '{name}' has no weights at {path}: install pedbench again")
    found = sha256_of(path)
    if found != sha256:
        raise PedbenchError(
            f"{path} is damaged or another file: its SHA-256 is {found[:12]}…, "
            f"not {sha256[:12]}…: install pedbench again"
        )
    return {key: value.astype(np.float32) for key, value in load_file(path).items()}
