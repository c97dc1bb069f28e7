"""All reconstruction metrics of a run, built once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.metrics import METRICS, Metric, MetricUnavailable
from bench.runner.evaluation.record_fields import failure
from bench.runner.folder.records import UNSUPPORTED, Record, score_record
from bench.runner.phases import phase
from framework.errors import FAULTS, place_of_code

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Scorer:
    """The metrics of a run, or what their records say where one cannot be had here.

    Args:
        kinds: the metrics by name, as `used_metrics` gives them.
    """

    def __init__(self, kinds: Mapping[str, type[Metric]]) -> None:
        self.kinds = kinds
        self.metrics: dict[str, Metric] = {}
        self.troubles: dict[str, Record] = {}
        for name, metric in self.kinds.items():
            try:
                self.metrics[name] = metric()
            except FAULTS as error:
                self.troubles[name] = _trouble(name, error)

    def score(
        self, truth: Image, pictures: Sequence[Image], regions: Mapping[str, Mask]
    ) -> list[list[Record]]:
        """Score reconstructions of one model input.

        Each metric gets copies: what it writes into them, the others do not see.

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
        for name in self.kinds:
            table = self._table(name, truth, list(distinct.values()), regions)
            for mine, scores in zip(records.values(), table, strict=True):
                mine.extend(
                    {"metric": name, "region": region, **score}
                    for region, score in zip(regions, scores, strict=True)
                )
        return [records[key] for key in keys]

    def _table(
        self, name: str, truth: Image, pictures: Sequence[Image], regions: Mapping[str, Mask]
    ) -> list[list[Record]]:
        trouble = self.troubles.get(name)
        if trouble is None:
            try:
                own = [picture.copy() for picture in pictures], [r.copy() for r in regions.values()]
                with phase(f"metric {name}"):
                    found = self.metrics[name].score_many(truth.copy(), *own)
                return _checked(self.metrics[name], found, len(pictures), len(regions))
            except FAULTS as error:
                trouble = _trouble(name, error)
        return [[trouble for _ in regions] for _ in pictures]


def _checked(
    metric: Metric, found: Sequence[Sequence[float | None]], pictures: int, regions: int
) -> list[list[Record]]:
    """The records of a metric's scores, one a picture and region.

    Raises:
        ValueError: there are not so many scores.
    """
    table = [list(scores) for scores in found]
    if [len(scores) for scores in table] != [regions] * pictures:
        shape = [len(scores) for scores in table]
        place = place_of_code(type(metric)._score_many)
        raise ValueError(
            f"{type(metric).__name__}{place} gives scores for {shape} regions, "
            f"not for {[regions] * pictures}"
        )
    return [[score_record(value) for value in scores] for scores in table]


def _trouble(name: str, error: BaseException) -> Record:
    """Why a metric has no score: it cannot be had here, or it failed, with file and line."""
    if isinstance(error, MetricUnavailable):
        return {"status": UNSUPPORTED, "error": str(error)}
    found = failure(error, METRICS.get(name))
    return {key: found[key] for key in ("status", "error")}
