"""Training a compact SAM from photos with masks."""

from framework.training.loop import train
from framework.training.optimisation.checkpoint import export
from framework.training.scenes.types import Photo

__all__ = ["Photo", "export", "train"]
