"""Detectors of what should stay on the edge, one a file."""

from framework.split.detectors.base import DETECTORS, Detector

__all__ = ["DETECTORS", "Detector"]
