"""Images with instance masks to score on, and the attackers' public photos."""

from bench.datasets.base import DATASETS, Dataset, Sample, SampleError, Subset, open_dataset

__all__ = ["DATASETS", "Dataset", "Sample", "SampleError", "Subset", "open_dataset"]
