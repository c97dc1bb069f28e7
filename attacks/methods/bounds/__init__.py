"""Floors, which public data alone reach, and the ceiling."""
