"""What a recogniser is, and the registry of all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from bench.datasets.base import Sample
from bench.metrics.base import METRICS, Image, Score
from framework.errors import PedbenchError, place_of_code
from framework.registry import Registry


class RecogniserUnavailable(PedbenchError):
    """It cannot be had on this machine; its records get status ``unsupported``."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What there is to recognise in one frame; positions are in pixels of the frame.

    Attributes:
        frame_size: height and width of the pictures that are scored against it.
    """

    frame_size: tuple[int, int]


T = TypeVar("T", bound=Truth)


class Recogniser(ABC, Generic[T]):
    """A detector or reader that no attacker has optimised for, with what it finds in the original.

    Every picture is enlarged to the same canvas before it is looked at, the original too. The
    ceiling is the score of the frame itself: what the recogniser misses there is its own limit or
    the resolution's, not privacy.

    Attributes:
        name: as registered.
        summary: one line for lists and tables.
        metrics: the names that `score` returns, the telling one first.
        needs_gallery: whether `enrol` must be called before `score`.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]
    needs_gallery: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def available(cls) -> str | None:
        """Why it cannot be had here, in one line that says how to mend it; None when it can."""

    @abstractmethod
    def truth(self, sample: Sample, frame_size: tuple[int, int]) -> T:
        """What is to be recognised in the original photo, for frames of height and width."""

    def enrol(self, truths: Sequence[T]) -> None:
        """Learn the truths of all scored photos, and of any others; most have no use for it."""

    def score(self, picture: Image, truth: T) -> dict[str, Score]:
        """How much of the truth is recognised in a picture.

        Args:
            picture: uint8 [h, w, 3]: the frame, what was seen of it, or a reconstruction.
            truth: from `truth`, for frames of the same size.

        Returns:
            A value for each of `metrics`; None where there was nothing to recognise.

        Raises:
            PedbenchError: the picture has another type or size; the recogniser returns values of
                other names.
            RecogniserUnavailable: it needs a gallery and has none.
        """
        if picture.dtype != np.uint8 or picture.shape != (*truth.frame_size, 3):
            raise PedbenchError(
                f"a picture to recognise is {picture.dtype} {picture.shape}, expected uint8 "
                f"{(*truth.frame_size, 3)}: convert it, or compute the truth for its size"
            )
        found = self._score(picture, truth)
        if not isinstance(found, dict) or set(found) != set(self.metrics):
            told = ", ".join(map(str, found)) if isinstance(found, dict) else type(found).__name__
            raise PedbenchError(
                f"recogniser '{self.name}'{place_of_code(type(self)._score)} returns {told or '{}'}"
                f": return a dictionary with {', '.join(self.metrics)}"
            )
        return found

    @abstractmethod
    def _score(self, picture: Image, truth: T) -> dict[str, Score]:
        """`score` of a checked picture."""


def taken_metrics(recogniser: type[Recogniser[Any]]) -> str:
    """Which metrics of a recogniser have the name of one of pictures, in words; empty for none."""
    taken = sorted({*recogniser.metrics} & {*METRICS.names()})
    return f"its metric {', '.join(taken)} is one of pictures: rename it" if taken else ""


RECOGNISERS: Registry[type[Recogniser[Any]]] = Registry(
    "recogniser", "bench.recognition", "pedbench.recognisers", Recogniser, fault=taken_metrics
)
