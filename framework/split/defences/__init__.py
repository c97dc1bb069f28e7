"""Defences: what the edge does to a payload before it leaves, one a file."""

from framework.split.defences.base import DEFENCES, Defence, make_defence

__all__ = ["DEFENCES", "Defence", "make_defence"]
