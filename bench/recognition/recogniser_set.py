"""All recognisers of a run, built once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.datasets.base import Sample
from bench.metrics.base import Image
from bench.recognition.base import RECOGNISERS, Recogniser, RecogniserUnavailable, Truth
from bench.runner.folder.records import FAILED, UNSUPPORTED, Record, score_record
from framework.errors import FAULTS, one_line, place_of


class RecogniserSet:
    """Recognisers, or the reason why one cannot be had here.

    Call `truths` for every photo and `enrol` with all of them; then any picture can be scored.

    Args:
        recognisers: every registered one, with its defaults, when None.
    """

    def __init__(self, recognisers: Iterable[Recogniser[Any]] | None = None) -> None:
        if recognisers is None:
            recognisers = [recogniser() for _, recogniser in RECOGNISERS.items()]
        self.recognisers = {recogniser.name: recogniser for recogniser in recognisers}
        reasons = {name: part.available() for name, part in self.recognisers.items()}
        self.unavailable = {name: why for name, why in reasons.items() if why is not None}

    def truths(self, sample: Sample, frame_size: tuple[int, int]) -> Truths:
        """What each recogniser finds in an original photo, for frames of height and width."""
        found: dict[str, Truth] = {}
        failed: dict[str, Record] = {}
        for name, recogniser in self.recognisers.items():
            if name in self.unavailable:
                failed[name] = {"status": UNSUPPORTED, "error": self.unavailable[name]}
                continue
            try:
                found[name] = recogniser.truth(
                    replace(sample, image=sample.image.copy()), frame_size
                )
            except FAULTS as error:
                failed[name] = _failure(error, recogniser)
        return Truths(self, found, failed)

    def enrol(self, truths: Sequence[Truths]) -> None:
        """Show each recogniser what all photos hold: those to score, and any as distractors."""
        for name, recogniser in self.recognisers.items():
            recogniser.enrol([photo.found[name] for photo in truths if name in photo.found])


@dataclass(frozen=True, eq=False)
class Truths:
    """What there is to recognise in one frame.

    Attributes:
        recognisers: those that found it.
        found: recogniser → what it found.
        failed: recogniser → ``status`` and ``error`` of one that could not look.
    """

    recognisers: RecogniserSet
    found: Mapping[str, Truth]
    failed: Mapping[str, Record]


def recognise_all(picture: Image, truths: Truths) -> list[Record]:
    """Every recogniser on one picture.

    Args:
        picture: uint8 [h, w, 3]: what was seen, a reconstruction, or the frame for the ceiling.
        truths: of its photo, from `RecogniserSet.truths`.

    Returns:
        One partial record a metric: ``metric``, ``status``, and ``value`` or ``error``.
    """
    records: list[Record] = []
    for name, recogniser in truths.recognisers.recognisers.items():
        outcome = truths.failed.get(name)
        if outcome is None:
            try:
                scores = recogniser.score(picture.copy(), truths.found[name])
                records.extend({"metric": m, **score_record(v)} for m, v in scores.items())
                continue
            except FAULTS as error:
                outcome = _failure(error, recogniser)
        records.extend({"metric": metric, **outcome} for metric in recogniser.metrics)
    return records


def _failure(error: BaseException, recogniser: Recogniser[Any]) -> Record:
    if isinstance(error, RecogniserUnavailable):
        return {"status": UNSUPPORTED, "error": str(error)}
    text = f"{type(error).__name__}: {one_line(error)}"
    return {"status": FAILED, "error": text + place_of(error, type(recogniser))}
