"""Procedural scenes with exact masks."""

from bench.datasets.synthetic_scenes.compose import Scene, compose
from bench.datasets.synthetic_scenes.words import Word

__all__ = ["Scene", "Word", "compose"]
