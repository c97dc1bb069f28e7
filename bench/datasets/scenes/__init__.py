"""Procedural scenes with exact masks."""

from bench.datasets.scenes.compose import Scene, compose
from bench.datasets.scenes.words import Word

__all__ = ["Scene", "Word", "compose"]
