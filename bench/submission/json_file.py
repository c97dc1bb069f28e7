"""JSON files of submissions, and one line for each fault in them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from framework.errors import PedbenchError, one_line, printable

LONGEST = 160
"""Characters of a fault's text that are shown."""


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        PedbenchError: it is missing, is not JSON, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        # Fails for half a character ("\\ud800"), and for 1e400, which is read as infinity.
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except FileNotFoundError as error:
        raise PedbenchError(f"{path} is missing: add it, or give another path") from error
    except json.JSONDecodeError as error:
        raise PedbenchError(f"{path}: line {error.lineno} is not JSON ({error.msg})") from error
    except (OSError, ValueError, RecursionError) as error:
        said = one_line(error)
        raise PedbenchError(f"{path} cannot be read ({said}): give another file") from error
    if not isinstance(content, dict):
        raise PedbenchError(f"{path} holds no JSON object: write names with values")
    return content


def _no_number(name: str) -> NoReturn:
    """Refuse what Python alone takes for JSON."""
    raise ValueError(f"{name} is no number")


def schema_faults(content: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    """One line for each place in ``content`` that ``schema`` does not allow.

    Args:
        where: the file, as lines name it.
    """
    validator = Draft202012Validator(schema, format_checker=FormatChecker(("date",)))
    for error in sorted(validator.iter_errors(content), key=lambda error: error.json_path):
        yield f"{where}{_place(error)}: {_said(error)}"


def _place(error: ValidationError) -> str:
    place = error.json_path.removeprefix("$").removeprefix(".")
    return f": {place}" if place else ""


def _said(error: ValidationError) -> str:
    """What is wrong, in the schema's own words where it has any."""
    value = printable(repr(error.instance))
    told = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    if error.validator in ("pattern", "format") and told:
        return f"{value[:LONGEST]} is not {told}"
    if error.validator == "not":
        return "challenges and reproduces are both given: leave one empty"
    return printable(error.message)[:LONGEST]


def plain(value: Any) -> Any:
    """A value of a data frame as JSON has it; nothing known is ``None``."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value
