"""The benchmark: data, scores, runs, and what is made of their records."""

__version__ = "0.1.0"
