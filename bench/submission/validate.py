"""Whether a folder is a submission: its files, their form, and that they tell of one run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from jsonschema import Draft202012Validator

from attacks.base import ATTACKS
from bench.attackers.cards import CARDS, read_cards
from bench.runner.folder.contents import SETTINGS
from bench.runner.folder.provenance import FILE as ENVIRONMENT
from bench.runner.folder.records import OK, RECORDS, read_records
from bench.spec.config import read_config
from bench.submission.card import EXAMPLE
from bench.submission.card import FILE as CARD
from bench.submission.json_file import LONGEST, plain, read_json, schema_faults
from bench.submission.schema import card_schema, environment_schema, record_schema
from bench.words import plural
from framework.errors import PedbenchError, printable


def faults(folder: Path) -> list[str]:
    """What is wrong with a submission, one line a fault; empty where it is valid."""
    found: list[str] = []
    if not folder.is_dir():
        return [f"{folder} is no folder: give the folder of a run with its {CARD}"]
    _try(found, lambda: found.extend(_of_card(folder / CARD)))
    _try(found, lambda: found.extend(_of_json(folder / ENVIRONMENT, environment_schema())))
    _try(found, lambda: read_config(folder / SETTINGS))
    _try(found, lambda: found.extend(_of_records(read_records(folder))))
    return found or list(_between_files(folder))


def counts(folder: Path) -> str:
    """One line on the size of a valid submission."""
    records = read_records(folder)
    seeds = records["seed"].dropna().nunique()
    return (
        f"{len(records):,} records of {plural(records['image_id'].nunique(), 'image')}, "
        f"{plural(seeds, 'attacker seed')}"
    )


def _try(found: list[str], check: Callable[[], object]) -> None:
    try:
        check()
    except PedbenchError as error:
        found.append(str(error))


def _of_json(path: Path, schema: dict[str, Any]) -> Iterator[str]:
    return schema_faults(read_json(path), schema, path.name)


def _of_card(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise PedbenchError(f"{path} is missing: fill in what 'pedbench validate --example' prints")
    yield from _of_json(path, card_schema())
    card = read_json(path)
    for name in ("title", "authors", "summary"):
        if card.get(name) == EXAMPLE[name]:
            yield f"{path.name}: {name} is that of the example: fill in your own"


def _of_records(records: pd.DataFrame) -> Iterator[str]:
    """Faults of records, each once, however many rows have it.

    Values of a column are checked once each; rules between columns on one row of each pattern.
    """
    schema = record_schema()
    missing = [name for name in schema["required"] if name not in records]
    if missing:
        yield f"{RECORDS}: columns {', '.join(missing)} are missing: give records of a run"
        return
    if records.empty:
        yield f"{RECORDS} holds no record: run first"
    for name, column in schema["properties"].items():
        if name in records:
            yield from _of_column(records[name], column)
    yield from _of_patterns(records, schema)


def _of_column(values: pd.Series, schema: dict[str, Any]) -> Iterator[str]:
    validator = Draft202012Validator(schema)
    counts = values.value_counts(dropna=False)
    wrong = {value: rows for value, rows in counts.items() if _error(validator, value)}
    if wrong:
        first = next(iter(wrong))
        error = _error(validator, first)
        yield f"{RECORDS}: column {values.name}: {error} ({sum(wrong.values()):,} rows)"


def _error(validator: Draft202012Validator, value: Any) -> str:
    """What a schema has against a value; empty for nothing."""
    if isinstance(value, float) and math.isinf(value):
        return f"{value} is no finite number"
    error = next(validator.iter_errors(plain(value)), None)
    return printable(error.message)[:LONGEST] if error else ""


def _of_patterns(records: pd.DataFrame, schema: dict[str, Any]) -> Iterator[str]:
    """Faults between columns, looked for in one row of each combination that a rule tells apart."""
    for rule in schema["allOf"]:
        decides, needed = (list(rule[part]["properties"]) for part in ("if", "then"))
        table = records.reindex(columns=list(dict.fromkeys([*decides, *needed])))
        kinds = table[decides].join(table[needed].isna(), rsuffix="_empty").drop_duplicates()
        for _, row in table.loc[kinds.index].iterrows():
            content = {name: plain(value) for name, value in row.items()}
            state = ", ".join(f"{name} is '{content[name]}'" for name in decides)
            for error in Draft202012Validator(rule).iter_errors(content):
                what = printable(error.message)[:LONGEST]
                yield f"{RECORDS}: {error.path[-1]}: {what} where {state}"


def _between_files(folder: Path) -> Iterator[str]:
    """Faults between files that are each sound."""
    records, environment = read_records(folder), read_json(folder / ENVIRONMENT)
    config = read_config(folder / SETTINGS)
    known = {"weights": {environment["weights"], environment.get("adapted_weights", "")}}
    for name in ("weights", "dataset", "dataset_fingerprint"):
        told = set(records[name].dropna().unique()) - known.get(name, {environment[name]})
        if told:
            yield (
                f"{RECORDS}: {name} '{min(told)}' is not the '{environment[name]}' of {ENVIRONMENT}"
            )
    if config.model != environment["model"]:
        told = environment["model"]
        yield f"{SETTINGS}: model '{config.model}' is not the '{told}' of {ENVIRONMENT}"
    scored = set(records.loc[records["status"] == OK, "attack"].dropna().unique())
    trained = sorted(n for n in scored & set(ATTACKS.names()) if ATTACKS.get(n).needs_training)
    if trained and not read_cards(folder):
        yield f"{CARDS} is missing or damaged, but '{trained[0]}' was trained: add the run's own"
