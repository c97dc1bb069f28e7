"""What people answered, as records: one row per person and pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.submission.json_file import read_json, schema_faults
from bench.survey import JUDGEMENTS, KEY, PAGE
from framework.errors import PedbenchError
from framework.files.writing import write_file

LEFT, RIGHT, SAME = "left", "right", "same"
COLUMNS = [
    *("survey", "person", "pair", "image_id", "left", "right", "left_attack", "right_attack"),
    *("choice", "seconds"),
]
ANSWERS = {
    "type": "object",
    "properties": {
        "survey": {"type": "string"},
        "person": {"type": "string", "minLength": 1},
        "answers": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "pair": {"type": "integer", "minimum": 0},
                    "choice": {"enum": [LEFT, RIGHT, SAME]},
                    "seconds": {"type": "number", "minimum": 0},
                },
                "required": ["pair", "choice", "seconds"],
            },
        },
    },
    "required": ["survey", "person", "answers"],
}


def add_answers(folder: Path, files: Sequence[Path]) -> int:
    """Add people's answers to a run's judgements; those of a person replace earlier ones.

    Returns:
        How many answers the files hold.

    Raises:
        PedbenchError: a file is not a page's answers, or those of another survey.
    """
    if not (folder / KEY).is_file():
        raise PedbenchError(f"{folder} holds no {KEY}: write its {PAGE} first")
    key = read_json(folder / KEY)
    new = pd.DataFrame([row for file in files for row in _rows(key, file)], columns=COLUMNS)
    known = read_judgements(folder)
    known = known[(known["survey"] != key["survey"]) | ~known["person"].isin(new["person"])]
    table = pd.concat([known, new], ignore_index=True).drop_duplicates(COLUMNS[:3], keep="last")
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
        table = pd.read_csv(path, dtype={"person": str, "survey": str, "image_id": str})
    except ValueError as error:
        raise PedbenchError(f"{path} is damaged: delete it and add the answers again") from error
    if list(table.columns) != COLUMNS:
        raise PedbenchError(f"{path} has other columns: delete it and add the answers again")
    return table


def _rows(key: Mapping[str, Any], file: Path) -> list[dict[str, Any]]:
    content = read_json(file)
    fault = next(schema_faults(content, ANSWERS, str(file)), None)
    if fault is not None:
        raise PedbenchError(f"{fault}: give a file that {PAGE} saved")
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
    return [{**own, **pairs[each["pair"]], **each} for each in content["answers"]]
