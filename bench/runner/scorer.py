"""All reconstruction metrics of a run, built once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.metrics import METRICS, Metric, MetricUnavailable
from bench.runner.phases import phase
from bench.runner.records import FAILED, NOT_APPLICABLE, OK, UNSUPPORTED, Record

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Scorer:
    """Every registered metric, or the reason why it cannot be had here."""

    def __init__(self) -> None:
        self.metrics: dict[str, Metric] = {}
        self.unavailable: dict[str, str] = {}
        for name, metric in METRICS.items():
            try:
                self.metrics[name] = metric()
            except MetricUnavailable as error:
                self.unavailable[name] = str(error)

    def score(
        self, truth: Image, pictures: Sequence[Image], regions: Mapping[str, Mask]
    ) -> list[list[Record]]:
        """Score reconstructions of one model input.

        Args:
            truth: uint8 [h, w, 3].
            pictures: reconstructions of the same shape.
            regions: name → bool [h, w].

        Returns:
            For each picture, one partial record a metric and region. Equal pictures are scored
            once and share their records.
        """
        keys = [picture.tobytes() for picture in pictures]
        distinct = dict(zip(keys, pictures, strict=True))
        records: dict[bytes, list[Record]] = {key: [] for key in distinct}
        for name in METRICS.names():
            table = self._table(name, truth, list(distinct.values()), regions)
            for mine, scores in zip(records.values(), table, strict=True):
                mine.extend(
                    {"metric": name, "region": region, **score}
                    for region, score in zip(regions, scores, strict=True)
                )
        return [records[key] for key in keys]

    def _table(
        self, name: str, truth: Image, pictures: Sequence[Image], regions: Mapping[str, Mask]
    ) -> Iterator[list[Record]]:
        reason = self.unavailable.get(name)
        if reason is None:
            try:
                with phase(f"metric {name}"):
                    table = self.metrics[name].score_many(truth, pictures, list(regions.values()))
                yield from ([score_record(value) for value in scores] for scores in table)
                return
            except MetricUnavailable as error:
                reason = str(error)
        for _ in pictures:
            yield [{"status": UNSUPPORTED, "error": reason} for _ in regions]


def score_record(value: float | None) -> Record:
    """Value and status of one score.

    ``None`` means that it is not applicable; NaN and infinity are no scores: it failed.
    """
    if value is None:
        return {"status": NOT_APPLICABLE}
    if not math.isfinite(value):
        return {"status": FAILED, "error": f"the score is {value}, not a finite number"}
    return {"status": OK, "value": float(value)}
