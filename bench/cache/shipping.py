"""Files that workers on other machines need, each in the cache under a name that tells its content.

A worker looks into its own cache first. The driver sends what is missing there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.cache.disk import touch
from bench.cache.photos import UNREADABLE, Photos
from bench.datasets import Dataset, Sample, SampleError
from framework.files.cache import cache_dir
from framework.files.download import sha256_of
from framework.files.writing import write_file

FOLDER = "shipped"

Parcels = Mapping[str, bytes]
"""Name in the cache → content."""


def place(name: str) -> Path:
    """Where a file of this name lies in this machine's cache."""
    return cache_dir() / name


def missing(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that this machine's cache lacks; the others count as used."""
    wanted = list(names)
    for name in wanted:
        touch(place(name))
    return [name for name in wanted if not place(name).exists()]


def unpack(parcels: Parcels) -> None:
    """Put files that were sent into this machine's cache."""
    for name, content in parcels.items():
        write_file(place(name), content)


def weights_name(file: Path) -> str:
    """The name of a weight file."""
    return f"{FOLDER}/{sha256_of(file)}{file.suffix}"


def photo_name(digest: str) -> str:
    """The name of a photo by its digest, see `Photos`."""
    return f"{FOLDER}/{digest}.npz"


def pack_photo(sample: Sample) -> bytes:
    """A photo with its masks, without loss."""
    content = io.BytesIO()
    np.savez_compressed(
        content,
        image=sample.image,
        masks=np.packbits(sample.masks),
        shape=sample.masks.shape,
        facts=json.dumps([sample.image_id, sample.mask_ids, sample.scene]),
    )
    return content.getvalue()


def read_photo(digest: str) -> Sample:
    """A photo that was shipped."""
    with np.load(place(photo_name(digest))) as file:
        image_id, mask_ids, scene = json.loads(str(file["facts"]))
        shape = tuple(file["shape"])
        bits = np.unpackbits(file["masks"], count=int(np.prod(shape)))
        masks = bits.reshape(shape).astype(bool)
        return Sample(image_id, file["image"], masks, tuple(mask_ids), scene)


def pack_list(photos: Photos, ids: Iterable[str]) -> bytes:
    """The photos of a data set by their digests, and why some cannot be read."""
    digests = {image_id: photos.digest(image_id) for image_id in ids}
    errors = {name: _error(photos, name) for name, found in digests.items() if found == UNREADABLE}
    facts = {
        "name": photos.name,
        "fingerprint": photos.fingerprint,
        "photos": digests,
        "errors": errors,
    }
    return json.dumps(facts).encode()


def _error(photos: Photos, image_id: str) -> str:
    try:
        photos.load(image_id)
    except SampleError as error:
        return str(error)
    return ""


class ShippedPhotos(Dataset):
    """A data set of another machine, read from this machine's cache.

    Args:
        facts: as `pack_list` gives them.
    """

    summary = "photos that the driver of a run sent"
    usage = ""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts
        self.name = facts["name"]

    @classmethod
    def open(cls, argument: str, **options: Any) -> Dataset:
        """Shipped photos are opened by the name of their list."""
        return cls(json.loads(place(argument).read_bytes()))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.facts["photos"])

    @property
    def fingerprint(self) -> str:
        return str(self.facts["fingerprint"])

    def load(self, image_id: str) -> Sample:
        if image_id in self.facts["errors"]:
            raise SampleError(self.facts["errors"][image_id])
        return read_photo(self.facts["photos"][image_id])
