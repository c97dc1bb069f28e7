"""What people answered, as records: one row per person and pair."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.submission.json_file import read_json, schema_faults
from bench.survey import JUDGEMENTS, KEY, PAGE
from bench.survey.pairs import Pair
from framework.errors import PedbenchError
from framework.files.writing import write_file

LEFT, RIGHT, SAME = "left", "right", "same"
CHOICES = [LEFT, RIGHT, SAME]
PAIR = [field.name for field in dataclasses.fields(Pair)]
COLUMNS = ["survey", "person", "pair", *PAIR, "choice", "seconds"]
ANSWERS = {
    "type": "object",
    "properties": {
        "survey": {"type": "string"},
        "person": {
            "type": "string",
            "pattern": r"\A[^\x00-\x1f\x7f]{1,200}\Z",
            "description": "a name in one line",
        },
        "answers": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "pair": {"type": "integer", "minimum": 0},
                    "choice": {"enum": CHOICES},
                    "seconds": {"type": "number", "minimum": 0},
                },
                "required": ["pair", "choice", "seconds"],
            },
        },
    },
    "required": ["survey", "person", "answers"],
}


QUESTIONS = {
    "type": "object",
    "properties": {
        "survey": {"type": "string"},
        "pairs": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in PAIR},
                "required": PAIR,
                "additionalProperties": False,
            },
        },
    },
    "required": ["survey", "pairs"],
}
"""The schema of `KEY`."""


def add_answers(folder: Path, files: Sequence[Path]) -> int:
    """Add people's answers to a run's judgements; those of a person replace earlier ones.

    Returns:
        How many answers the files hold; of two of a person to one pair, the later counts.

    Raises:
        PedbenchError: a file is not a page's answers, or those of another survey.
    """
    if not (folder / KEY).is_file():
        raise PedbenchError(f"{folder} holds no {KEY}: run 'pedbench survey {folder}' first")
    key = _checked(folder / KEY, QUESTIONS, f"write {PAGE} again")
    new = pd.DataFrame([row for file in files for row in _rows(key, file)], columns=COLUMNS)
    new = new.drop_duplicates(COLUMNS[:3], keep="last")
    known = read_judgements(folder)
    known = known[(known["survey"] != key["survey"]) | ~known["person"].isin(new["person"])]
    table = pd.concat([known, new], ignore_index=True)
    table = table.sort_values(COLUMNS[:3], ignore_index=True)
    write_file(folder / JUDGEMENTS, table.to_csv(index=False))
    return len(new)


def read_judgements(folder: Path) -> pd.DataFrame:
    """The judgements of a run, with `COLUMNS`; empty where nobody has judged.

    Raises:
        PedbenchError: the file is damaged.
    """
    path = folder / JUDGEMENTS
    if not path.is_file():
        return pd.DataFrame(columns=COLUMNS)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if list(table.columns) != COLUMNS:
            raise PedbenchError(f"{path} has other columns: delete it and add the answers again")
        table = table.astype({"pair": int, "seconds": float})
        sound = bool(table["choice"].isin(CHOICES).all())
    except ValueError:
        sound = False
    if not sound:
        raise PedbenchError(f"{path} is damaged: delete it and add the answers again")
    return table


def _rows(key: Mapping[str, Any], file: Path) -> list[dict[str, Any]]:
    content = _checked(file, ANSWERS, f"give a file that {PAGE} saved")
    if content["survey"] != key["survey"]:
        raise PedbenchError(
            f"{file} answers survey {content['survey']}, this run asks {key['survey']}: "
            "give the folder whose page saved it"
        )
    pairs = key["pairs"]
    beyond = [each["pair"] for each in content["answers"] if each["pair"] >= len(pairs)]
    if beyond:
        raise PedbenchError(
            f"{file} answers pair {beyond[0]} of {len(pairs)}: give a file that {PAGE} saved"
        )
    own = {name: content[name] for name in ("survey", "person")}
    asked = [int(each["pair"]) for each in content["answers"]]  # JSON may write 1 as 1.0
    return [
        {**each, **own, **pairs[number], "pair": number}
        for number, each in zip(asked, content["answers"], strict=True)
    ]


def _checked(file: Path, schema: Mapping[str, Any], mend: str) -> dict[str, Any]:
    content = read_json(file)
    fault = next(schema_faults(content, schema, str(file)), None)
    if fault is not None:
        raise PedbenchError(f"{fault}: {mend}")
    return content
