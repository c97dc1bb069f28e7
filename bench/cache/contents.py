"""What data sets hold, told by content: a picture replaced under its name is another."""

from __future__ import annotations

from bench.cache.fingerprints import content_digest
from bench.datasets import Dataset, SampleError

UNREADABLE = "unreadable"


def sample_content(dataset: Dataset, image_id: str) -> str:
    """The digest of a photo with its masks; `UNREADABLE` where it cannot be read."""
    try:
        return content_digest(dataset.load(image_id))
    except SampleError:
        return UNREADABLE


def dataset_content(dataset: Dataset) -> str:
    """The digest of all samples of a data set, in order."""
    return content_digest([sample_content(dataset, image_id) for image_id in dataset.ids])
