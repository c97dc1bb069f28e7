"""Values from YAML, checked against the types of a dataclass."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from framework.errors import PedbenchError, one_line, unknown_name

SAID = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    type(None): "null",
}
"""How messages name the types of single values."""

LISTS = (tuple, list, Sequence)
"""Types of several values."""

MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != MERGE]
        for key in keys:
            if keys.count(key) > 1:
                line = node.start_mark.line + 1
                raise yaml.YAMLError(f"the mapping at line {line} gives '{key}' twice")
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises:
        PedbenchError: the file cannot be read, is not YAML, or holds something else.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise PedbenchError(f"{path} is not a run configuration: {reason}") from error
    except OSError as error:
        raise PedbenchError(f"{path} cannot be read ({one_line(error)}): give another") from error
    if not isinstance(content, dict):
        raise PedbenchError(f"{path} is not a run configuration: it holds no keys and values")
    return content


def check_fields(
    kind: type, entry: Mapping[str, Any], where: str, also: tuple[str, ...] = ()
) -> None:
    """Refuse keys that ``kind`` does not have, lacks that it needs, and values of other types.

    Args:
        kind: a dataclass.
        entry: its fields by name.
        where: file and place in it, for the message.
        also: keys that may stand in the file besides, for the message.

    Raises:
        PedbenchError: names the place, the key and the nearest known one.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in entry:
        if name not in fields:
            raise PedbenchError(f"{where}: {unknown_name('key', str(name), {*fields, *also})}")
    for name, field in fields.items():
        needed = field.default is dataclasses.MISSING is field.default_factory
        if needed and name not in entry:
            raise PedbenchError(f"{where}: key '{name}' is missing")
    check_values(kind, entry, where)


def check_values(kind: type, entry: Mapping[str, Any], where: str) -> None:
    """Refuse values whose type is not that of the field of ``kind``.

    Raises:
        PedbenchError: names the place, the key, the value and what it should be.
    """
    hints = get_type_hints(kind)
    for name, value in entry.items():
        if not _fits(value, hints[name]):
            raise PedbenchError(f"{where}: {name}: {value!r} is not {_said(hints[name])}")


def list_fields(kind: type) -> set[str]:
    """Fields of a dataclass that hold several values."""
    hints = get_type_hints(kind)
    return {
        field.name for field in dataclasses.fields(kind) if get_origin(hints[field.name]) is tuple
    }


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in arguments)
    if origin in LISTS:
        return isinstance(value, (tuple, list)) and all(_fits(v, arguments[0]) for v in value)
    if origin is not None:
        return isinstance(value, Mapping) and all(
            _fits(key, arguments[0]) and _fits(item, arguments[1]) for key, item in value.items()
        )
    if hint is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _said(hint: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_said(each) for each in arguments)
    if origin in LISTS:
        return f"a list, each {_said(arguments[0])}"
    if origin is not None:
        return f"a mapping of {_said(arguments[0])} to {_said(arguments[1])}"
    return SAID.get(hint, "anything")
