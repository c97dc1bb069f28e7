"""The JSON schema of a submission, made of the declarations that runs use.

`docs/submission.schema.json` is its published copy.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args, get_type_hints

from bench.report.data import REGIONS
from bench.runner.folder.records import (
    COLUMNS,
    FAILED,
    NOT_APPLICABLE,
    OK,
    PROVENANCE,
    UNSUPPORTED,
)
from bench.spec.cells import AttackCell, Pipeline
from bench.submission.card import SubmissionCard
from framework.declaration import declared, own

Schema = dict[str, Any]

JSON_TYPES = {"string": "string", "Int64": "integer", "Float64": "number", "boolean": "boolean"}
NO_ATTACK = ""
"""What records of masks have as their attack."""
ALWAYS = (
    *("image_id", "model", "attack", "region", "metric", "status"),
    *(each.column for each in own(Pipeline) if each.setting.in_every_record and each.column),
    *PROVENANCE,
)
"""Columns that no record leaves empty."""
OF_ATTACKS = tuple(
    each.column
    for each in declared(AttackCell)
    if each.setting.in_every_record and each.column and each.column not in ALWAYS
)
"""Columns that no record of an attack leaves empty."""
LIMITS: dict[str, Schema] = {
    "status": {"enum": [OK, FAILED, UNSUPPORTED, NOT_APPLICABLE]},
    "region": {"enum": ["", *REGIONS, "always_hidden"]},
    "n_shards": {"minimum": 1},
    "coalition": {"minimum": 1},
    "frames": {"minimum": 1},
    "seed": {"minimum": 0},
    "strength": {"minimum": 0},
    "seconds": {"minimum": 0},
}
NAME: Schema = {
    "type": "string",
    "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$(?!\n)",
    "description": "a name of lower-case letters, digits and hyphens",
}
OTHER_NAME: Schema = {**NAME, "pattern": f"^$|{NAME['pattern']}"}
TEXT: Schema = {"type": "string", "minLength": 1}
CARD_LIMITS: dict[str, Schema] = {
    "name": NAME,
    "title": {**TEXT, "maxLength": 120},
    "authors": {"type": "array", "items": TEXT, "minItems": 1},
    "date": {"type": "string", "format": "date", "description": "a date such as 2026-01-31"},
    "summary": TEXT,
    "licence": TEXT,
    "link": {
        "type": "string",
        "pattern": "^$|^https?://[^ ]+$",
        "description": "a web address, or empty",
    },
    "challenges": OTHER_NAME,
    "reproduces": OTHER_NAME,
}


def submission_schema() -> Schema:
    """The schema of a submission: its card, its environment and one of its records."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A submission to pedbench",
        "description": "One folder: card.json, environment.json, config.yaml and records.parquet, "
        "whose rows are records.",
        "type": "object",
        "properties": {
            "card": card_schema(),
            "environment": environment_schema(),
            "record": record_schema(),
        },
        "required": ["card", "environment", "record"],
    }


def card_schema() -> Schema:
    """The schema of `card.json`, one property for each field of `SubmissionCard`."""
    hints = get_type_hints(SubmissionCard)
    fields = dataclasses.fields(SubmissionCard)
    return {
        "type": "object",
        "properties": {
            field.name: CARD_LIMITS.get(field.name, {"enum": list(get_args(hints[field.name]))})
            for field in fields
        },
        "required": [field.name for field in fields if field.default is dataclasses.MISSING],
        "additionalProperties": False,
        "not": {
            "properties": {"challenges": {"minLength": 1}, "reproduces": {"minLength": 1}},
            "required": ["challenges", "reproduces"],
        },
    }


def environment_schema() -> Schema:
    """The schema of `environment.json`."""
    texts = {"type": "object", "additionalProperties": {"type": "string"}}
    needed = ("created", *PROVENANCE, "model", "python")
    return {
        "type": "object",
        "properties": {
            **dict.fromkeys(needed, TEXT),
            "machine": {"type": "object"},
            "packages": texts,
            "public": texts,
            "outside": texts,
            "plugins": texts,
        },
        "required": [*needed, "machine", "packages"],
    }


def record_schema() -> Schema:
    """The schema of one row of `records.parquet`, one property for each column."""
    types = COLUMNS | dict.fromkeys(PROVENANCE, "string")
    return {
        "type": "object",
        "properties": {name: _column(name, kind) for name, kind in types.items()},
        "required": list(ALWAYS),
        "allOf": [
            {
                "if": {"properties": {"status": {"const": OK}}},
                "then": {"properties": {"value": {"type": "number"}}},
            },
            {
                "if": {"properties": {"status": {"enum": [FAILED, UNSUPPORTED]}}},
                "then": {"properties": {"error": {"type": "string", "minLength": 1}}},
            },
            {
                "if": {"properties": {"attack": {"not": {"const": NO_ATTACK}}}},
                "then": {
                    "properties": {name: {"not": {"type": "null"}} for name in OF_ATTACKS},
                },
            },
        ],
    }


def published() -> str:
    """The text of the published copy."""
    return json.dumps(submission_schema(), indent=2) + "\n"


def _column(name: str, kind: str) -> Schema:
    json_type = JSON_TYPES[kind]
    if name in ALWAYS:
        return {"type": json_type, **LIMITS.get(name, {})}
    return {"type": [json_type, "null"], **LIMITS.get(name, {})}
