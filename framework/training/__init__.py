"""Training a compact SAM from photos with masks."""

from framework.training.optimisation.checkpoint import export
from framework.training.scenes.types import Photo
from framework.training.supervised import train

__all__ = ["Photo", "export", "train"]
