"""What a run's records say apart from their scores: where they come from, and what went wrong."""

from __future__ import annotations

from attacks.base import ATTACKS, Unlearnable
from bench.datasets import Sample
from bench.runner.pipelines import Unsupported
from bench.runner.records import CELL, FAILED, OK, UNSUPPORTED, Record
from bench.runner.scorer import score_record
from bench.spec.attack_settings import situation_facts
from bench.spec.cells import BARE, Cell, Pipeline, Segment, cell_id
from framework.errors import place_of
from framework.models.architectures import GLOBALS_LAST


def pipeline_facts(model: str, sample: Sample, pipeline: Pipeline) -> Record:
    """What all records of one pipeline on one image share."""
    return {
        "image_id": sample.image_id,
        "scene": sample.scene,
        "model": model + (GLOBALS_LAST if pipeline.adapted else ""),
        "plan": pipeline.plan,
        "payload": pipeline.payload,
        "policy": pipeline.policy,
        "n_shards": pipeline.n_shards,
        "defence": pipeline.defence,
        "strength": pipeline.strength,
        "adapted": pipeline.adapted,
        "frames": 1,
        "attack": "",
        "region": "",
        "status": OK,
    }


def cell_facts(cell: Cell) -> Record:
    """What all records of one cell add to those of its pipeline."""
    named = {CELL: cell_id(cell)}
    if isinstance(cell, Segment):
        return named
    return named | {
        "coalition": cell.coalition,
        "coalition_choice": cell.choice,
        "attack": cell.attack,
        "attack_kind": BARE.get(cell.attack) or ATTACKS.get(cell.attack).kind,
        "adaptive": cell.adaptive,
        "seed": cell.seed,
        "stage": "earliest" if cell.stage is None else str(cell.stage),
        **situation_facts(cell),
    }


def score(metric: str, value: float | None) -> Record:
    """One score, as part of a record."""
    return {"metric": metric, **score_record(value)}


def failure(error: Exception, *parts: object) -> Record:
    """What went wrong, as part of a record: unsupported, or failed with the error and its place.

    Args:
        parts: the classes that were at work, where they are known.
    """
    reason = " ".join(str(error).split()) or "no message"
    if isinstance(error, (Unsupported, Unlearnable)):
        return {"metric": "", "status": UNSUPPORTED, "error": reason}
    text = f"{type(error).__name__}: {reason}"
    return {"metric": "", "status": FAILED, "error": text + place_of(error, *parts)}
