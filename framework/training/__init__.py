"""Training a compact SAM from photos with masks."""

from framework.training.augment import Photo
from framework.training.checkpoint import export
from framework.training.loop import train

__all__ = ["Photo", "export", "train"]
