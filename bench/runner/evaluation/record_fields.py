"""What a run's records say apart from their scores: where they come from, and what went wrong."""

from __future__ import annotations

from attacks.base import ATTACKS, Unlearnable
from bench.datasets import Sample
from bench.runner.evaluation.pipelines import Unsupported
from bench.runner.folder.records import CELL, FAILED, OK, UNSUPPORTED, Record, score_record
from bench.spec.cells import BARE, AttackCell, Cell, Pipeline
from framework.declaration import written
from framework.errors import place_of
from framework.models.architectures import GLOBALS_LAST


def pipeline_fields(model: str, sample: Sample, pipeline: Pipeline) -> Record:
    """What all records of one pipeline on one image share."""
    return {
        "image_id": sample.image_id,
        "scene": sample.scene,
        "model": model + (GLOBALS_LAST if pipeline.adapted else ""),
        **written(pipeline),
        "attack": "",
        "region": "",
        "status": OK,
    }


def cell_fields(cell: Cell) -> Record:
    """What all records of one cell add to those of its pipeline."""
    fields = written(cell) | {CELL: cell.id}
    if isinstance(cell, AttackCell):
        fields["attack_kind"] = BARE.get(cell.attack) or ATTACKS.get(cell.attack).kind
    return fields


def score(metric: str, value: float | None) -> Record:
    """One score, as part of a record."""
    return {"metric": metric, **score_record(value)}


def failure(error: BaseException, *parts: object) -> Record:
    """What went wrong, as part of a record: unsupported, or failed with the error and its place.

    Args:
        parts: the classes that were at work, where they are known.
    """
    reason = " ".join(str(error).split()) or "no message"
    if isinstance(error, (Unsupported, Unlearnable)):
        return {"metric": "", "status": UNSUPPORTED, "error": reason}
    text = f"{type(error).__name__}: {reason}"
    return {"metric": "", "status": FAILED, "error": text + place_of(error, *parts)}
