"""What a data set is, and the registry of all of them by scheme."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.datasets.description.about import About, PhotoFile
from framework.errors import PedbenchError, SampleError
from framework.registry import Registry

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sample:
    """One image with its instance masks, at original resolution.

    Attributes:
        image_id: unique in its data set.
        image: uint8 [H, W, 3], RGB, turned as its masks are, see docs/data.md.
        masks: bool [n, H, W]; n may be 0; masks may overlap and none is empty.
        mask_ids: n names, unique in the image.
        scene: what the picture shows, unique over all data sets; pictures of one scene share it.
    """

    image_id: str
    image: Image
    masks: Mask
    mask_ids: tuple[str, ...]
    scene: str

    def __post_init__(self) -> None:
        height, width = self.image.shape[:2]
        if self.image.dtype != np.uint8 or self.image.shape != (height, width, 3):
            raise ValueError(f"image is {self.image.dtype} {self.image.shape}")
        if self.masks.dtype != bool or self.masks.shape != (len(self.mask_ids), height, width):
            raise ValueError(f"masks are {self.masks.dtype} {self.masks.shape}")


class Dataset(ABC):
    """Named images, loaded one at a time.

    Attributes:
        summary: one line for lists.
        usage: how a spec of this scheme is written.
        options: the keyword options that `open` takes.
        name: what records and reports call it, e.g. ``"coco:bsds500_val"``.
        annotations: the COCO file of its masks, where there is one.
    """

    summary: ClassVar[str]
    usage: ClassVar[str]
    options: ClassVar[frozenset[str]] = frozenset()
    name: str
    annotations: Path | None = None

    @classmethod
    @abstractmethod
    def open(cls, argument: str, **options: Any) -> Dataset:
        """The data set that the part of a spec after the colon names.

        Raises:
            PedbenchError: it is missing or not of this kind.
        """

    @property
    @abstractmethod
    def ids(self) -> tuple[str, ...]:
        """All image ids, in a stable order."""

    @abstractmethod
    def load(self, image_id: str) -> Sample:
        """Read one sample.

        Raises:
            SampleError: its image or an annotation is missing or corrupt; names the file.
        """

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """12 hexadecimal digits over the ids and the annotations."""

    @property
    def about(self) -> About:
        """What those who made it tell of it; nothing unless a data set overrides it."""
        return About()

    def photo_files(self) -> dict[str, PhotoFile]:
        """The file of each photo, for metadata; of none where photos do not lie in files.

        Raises:
            SampleError: a file is missing.
        """
        return {}

    def __len__(self) -> int:
        return len(self.ids)

    def limit(self, n: int | None, seed: int | None = None) -> Dataset:
        """The first ``n`` images, or with a seed ``n`` drawn ones; all when ``n`` is None."""
        return self if n is None or n >= len(self) else Subset(self, n, seed)


class Subset(Dataset):
    """Some images of another data set.

    Args:
        whole: the other data set.
        n: how many images; at least 0.
        seed: draws them without replacement, in the order of ``whole``; None takes the first.
    """

    summary = "some images of another data set"
    usage = ""

    def __init__(self, whole: Dataset, n: int, seed: int | None = None) -> None:
        chosen = np.arange(len(whole))[:n]
        if seed is not None:
            rng = np.random.default_rng(seed)
            chosen = np.sort(rng.choice(len(whole), size=min(n, len(whole)), replace=False))
        self.whole = whole
        self.name = whole.name
        self.annotations = whole.annotations
        self._ids = tuple(whole.ids[index] for index in chosen)

    @classmethod
    def open(cls, argument: str, **options: Any) -> Dataset:
        """Subsets have no spec."""
        raise NotImplementedError

    @property
    def ids(self) -> tuple[str, ...]:
        return self._ids

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.whole.fingerprint, self._ids)

    @property
    def about(self) -> About:
        return self.whole.about

    def photo_files(self) -> dict[str, PhotoFile]:
        files = self.whole.photo_files()
        return {image_id: files[image_id] for image_id in self._ids if image_id in files}

    def load(self, image_id: str) -> Sample:
        return self.whole.load(image_id)


DATASETS: Registry[type[Dataset]] = Registry(
    "dataset", "bench.datasets", "pedbench.datasets", Dataset
)


def open_dataset(
    spec: str, *, images: str | None = None, annotations: str | None = None
) -> Dataset:
    """Open a data set such as ``embedded``, ``coco:DIR``, ``hf:NAME`` or ``synthetic:64``.

    Args:
        spec: ``SCHEME`` or ``SCHEME:ARGUMENT``.
        images: folder of the images, where the scheme takes one.
        annotations: annotation file, where the scheme takes one.

    Raises:
        PedbenchError: unknown scheme, an option that the scheme does not take, missing files.
    """
    scheme, _, argument = spec.partition(":")
    if Path(spec).exists() and scheme not in DATASETS.names():
        raise PedbenchError(f"'{spec}' is a path: say what it holds, e.g. coco:{spec}")
    dataset = DATASETS.get(scheme)
    given = {"images": images, "annotations": annotations}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in dataset.options:
            raise PedbenchError(f"{dataset.usage} takes no --{name}: leave it out")
    return dataset.open(argument, **options)


def fingerprint(*parts: Any) -> str:
    """12 hexadecimal digits over parts that JSON can write."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def unknown_image(dataset: Dataset, image_id: str) -> SampleError:
    """The error for an id that is not in the data set."""
    return SampleError(f"{dataset.name} has no image '{image_id}': its ids are in 'pedbench data'")


def stack_masks(masks: Iterable[Mask], shape: tuple[int, ...]) -> Mask:
    """bool [n, H, W] of masks [H, W]; n may be 0, for an image whose shape starts with H, W."""
    found = list(masks)
    return np.stack(found) if found else np.zeros((0, *shape[:2]), dtype=bool)
