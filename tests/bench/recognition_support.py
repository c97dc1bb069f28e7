"""Recognisers that cost nothing, for tests of what is done with their scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.recognition import RECOGNISERS, Recogniser, Truth


class Brightness(Recogniser[Truth]):
    """The mean grey level, and nothing to install."""

    name = "brightness"
    summary = "mean grey level"
    metrics = ("brightness_mean",)

    @classmethod
    def available(cls):
        return None

    def truth(self, sample, frame_size):
        return Truth(frame_size)

    def _score(self, picture, truth):
        return {"brightness_mean": float(picture.mean()) / 255}


class Gone(Brightness):
    """One that is not installed."""

    name = "gone"
    metrics = ("gone_mean",)

    @classmethod
    def available(cls):
        return "gone is not installed: install it"


@contextmanager
def registered(*kinds: type[Recogniser]) -> Iterator[None]:
    """Let runs name these recognisers."""
    for kind in kinds:
        RECOGNISERS.register(kind.name)(kind)
    try:
        yield
    finally:
        for kind in kinds:
            del RECOGNISERS._parts[kind.name]
