"""``package_photos``: photos that installed packages carry and ``embedded`` does not score."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from bench.datasets.base import (
    DATASETS,
    Dataset,
    Sample,
    fingerprint,
    stack_masks,
    unknown_image,
)
from bench.datasets.packaged.wheels import wheel_file
from framework.errors import PedbenchError
from framework.files.download import sha256_of
from framework.files.photos import read_photo

PHOTOS = {
    "camera": "skimage/data/camera.png",
    "grace_hopper": "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
    "brick": "skimage/data/brick.png",
    "grass": "skimage/data/grass.png",
    "gravel": "skimage/data/gravel.png",
    "moon": "skimage/data/moon.png",
    "clock": "skimage/data/clock_motion.png",
    "retina": "skimage/data/retina.jpg",
    "hubble_deep_field": "skimage/data/hubble_deep_field.jpg",
    "immunohistochemistry": "skimage/data/ihc.png",
    "cell": "skimage/data/cell.png",
    "colorwheel": "skimage/data/color.png",
    "horse": "skimage/data/horse.png",
}
"""Files of wheels by image id; none shows a scene that `embedded` shows."""

PACKAGES = {"skimage": "scikit-image", "matplotlib": "matplotlib"}


@DATASETS.register("package_photos")
class PackagePhotos(Dataset):
    """Public photos for attackers, without masks; those not installed are left out.

    Raises:
        PedbenchError: none is installed.
    """

    summary = "public photos, without masks, that packages carry and 'embedded' does not score"
    usage = "package_photos"
    name = "package_photos"

    def __init__(self) -> None:
        found = {image_id: wheel_file(inside) for image_id, inside in PHOTOS.items()}
        self._files = {image_id: path for image_id, path in found.items() if path is not None}
        if not self._files:
            raise PedbenchError("no package photos are here: pip install scikit-image matplotlib")

    @classmethod
    def open(cls, argument: str, **options: str) -> Dataset:
        """Takes no argument."""
        if argument:
            raise PedbenchError(f"package_photos:{argument} is not understood: give {cls.usage}")
        return cls()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._files)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint([[name, sha256_of(path)] for name, path in self._files.items()])

    def load(self, image_id: str) -> Sample:
        if image_id not in self._files:
            raise unknown_image(self, image_id)
        path: Path = self._files[image_id]
        image = read_photo(path)
        package = PACKAGES[PHOTOS[image_id].partition("/")[0]]
        return Sample(image_id, image, stack_masks([], image.shape), (), f"{package}/{image_id}")
