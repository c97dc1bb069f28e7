"""``bsds:DIR``: the Berkeley segmentation data set BSDS500 as it is distributed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from bench.datasets.base import (
    DATASETS,
    Dataset,
    Sample,
    SampleError,
    fingerprint,
    stack_masks,
    unknown_image,
)
from bench.datasets.decode.masks import region_instances
from framework.errors import PedbenchError
from framework.files.download import sha256_of
from framework.files.photos import Declared, read_photo

SPLITS = ("train", "val", "test")


@DATASETS.register("bsds")
class Bsds(Dataset):
    """Regions of BSDS500 as instances.

    The annotator with the median number of segments is taken for each image. Of each region, the
    largest component counts, where it has 1 % to 60 % of the image. Arbelaez, Maire, Fowlkes,
    Malik: Contour Detection and Hierarchical Image Segmentation, TPAMI 2011.

    Args:
        root: folder with ``images/SPLIT/*.jpg`` and ``groundTruth/SPLIT/*.mat``.
        split: train, val or test.

    Raises:
        PedbenchError: a folder is missing or empty.
    """

    summary = "BSDS500 in its original layout; instances are regions of the median annotator"
    usage = "bsds:DIR[/SPLIT]"

    def __init__(self, root: Path, split: str) -> None:
        self.name = f"bsds:{split}"
        self.images = root / "images" / split
        self.truth = root / "groundTruth" / split
        for folder in (self.images, self.truth):
            if not folder.is_dir():
                raise PedbenchError(f"{folder} does not exist: give {self.usage} (val by default)")
        self._ids = tuple(sorted(path.stem for path in self.images.glob("*.jpg")))
        if not self._ids:
            raise PedbenchError(f"{self.images} holds no *.jpg: give {self.usage}")

    @classmethod
    def open(cls, argument: str, **options: str) -> Dataset:
        """Accepts the folder ``data``, one that holds it, or either with a split behind it."""
        root, split = Path(argument).expanduser(), "val"
        if root.name in SPLITS and not root.is_dir():
            root, split = root.parent, root.name
        if not argument or not root.is_dir():
            raise PedbenchError(f"bsds:{argument}: there is no such folder: give {cls.usage}")
        places = (root, root / "data", root / "BSDS500" / "data")
        return cls(next((p for p in places if (p / "images").is_dir()), root), split)

    @property
    def ids(self) -> tuple[str, ...]:
        return self._ids

    @cached_property
    def fingerprint(self) -> str:
        files = [self.truth / f"{image_id}.mat" for image_id in self.ids]
        return fingerprint(self.ids, [sha256_of(f) if f.is_file() else None for f in files])

    def load(self, image_id: str) -> Sample:
        if image_id not in self._ids:
            raise unknown_image(self, image_id)
        path = self.images / f"{image_id}.jpg"
        labels = self._labels(image_id)
        image = read_photo(path, orientation=Declared(labels.shape[1], labels.shape[0]))
        if image.shape[:2] != labels.shape:
            annotation = self.truth / f"{image_id}.mat"
            raise SampleError(f"annotation {annotation} is {labels.shape}, its image {image.shape}")
        instances = dict(region_instances(labels))
        return Sample(
            image_id=image_id,
            image=image,
            masks=stack_masks(instances.values(), image.shape),
            mask_ids=tuple(map(str, instances)),
            scene=f"bsds500/{image_id}",
        )

    def _labels(self, image_id: str) -> NDArray[np.integer]:
        path = self.truth / f"{image_id}.mat"
        if not path.is_file():
            raise SampleError(f"annotation {path} is missing: restore the file")
        try:
            labels = median_segmentation(loadmat(path))
            if labels.ndim != 2:
                raise ValueError(f"its labels are {labels.shape}")
        except Exception as error:
            reason = " ".join(str(error).split())
            raise SampleError(f"annotation {path} cannot be read ({reason})") from error
        return labels


def median_segmentation(content: dict[str, Any]) -> NDArray[np.integer]:
    """Labels [H, W] of the annotator with the median number of segments.

    Of an even number of annotators it is the upper of the middle two.

    Args:
        content: a ``.mat`` file of BSDS500 as `scipy.io.loadmat` reads it.
    """
    annotators = [cell["Segmentation"][0, 0] for cell in content["groundTruth"].ravel()]
    annotators.sort(key=lambda labels: len(np.unique(labels)))
    return np.asarray(annotators[len(annotators) // 2])
