"""Settings of an experiment, each declared once, as a field of a dataclass.

Every field is a setting unless it is no part of comparisons (``compare=False``) or is itself a
dataclass of settings. `setting` says what is unusual about one; nothing needs to be said of a field
whose defaults serve. Record columns, cell ids, file names, keys of comparison and training settings
all derive from the declaration.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Training = Literal["every", "learned", "none"]
"""Whose fitting depends on a setting: every attack's, learned attacks' alone, or no attack's."""

COLUMN_TYPES: Final = {int: "Int64", float: "Float64", bool: "boolean"}
"""Types of record columns; all others are ``string``."""

T = TypeVar("T")
_KEY: Final = "setting"


def unnamed(_: Any) -> str:
    """The label of a setting that file names leave out."""
    return ""


@dataclass(frozen=True)
class Setting:
    """What a field means outside its own class.

    Attributes:
        column: its column in records; the field's name where empty, no column where ``None``.
        words: what a record says in place of certain values.
        in_every_id: whether a cell's id states it even where it has its default. New settings do
            not, so that ids stay.
        in_every_record: whether no record ever lacked it. Records that lack another setting get its
            default.
        label: from the object with the field to a part of a file's name, empty for none.
            The field's name with its value, where that is not the default, unless given.
        names_file: whether the label belongs to the file, not to its folder.
        training: whose fitting depends on it.
    """

    column: str | None = ""
    words: Mapping[Any, str] = dataclasses.field(default_factory=dict)
    in_every_id: bool = False
    in_every_record: bool = False
    label: Callable[[Any], str] | None = None
    names_file: bool = False
    training: Training = "every"


def setting(default: Any = dataclasses.MISSING, **declared: Any) -> Any:
    """A field of a dataclass; ``declared`` as in `Setting`."""
    return dataclasses.field(default=default, metadata={_KEY: Setting(**declared)})


@dataclass(frozen=True)
class Declared:
    """A setting with its field: ``name``, Python type and default."""

    name: str
    kind: Any
    default: Any
    setting: Setting

    @property
    def column(self) -> str | None:
        """The column in records; ``None`` for none."""
        return self.name if self.setting.column == "" else self.setting.column

    @property
    def column_type(self) -> str:
        """The column's type in records."""
        if self.setting.words:
            return "string"
        return COLUMN_TYPES.get(self.kind, "string")

    def written(self, value: Any) -> Any:
        """A value as records have it."""
        if value in self.setting.words:
            return self.setting.words[value]
        return str(value) if self.setting.words else value

    def label(self, owner: Any) -> str:
        """The part of a file's name; empty for none."""
        if self.setting.label is not None:
            return self.setting.label(owner)
        value = getattr(owner, self.name)
        return "" if value == self.default else f"{self.name}{value}"


def own(kind: type) -> tuple[Declared, ...]:
    """The settings of a dataclass in order, those of its parts aside."""
    return _own(kind)


@cache
def _own(kind: type) -> tuple[Declared, ...]:
    hints = get_type_hints(kind)
    return tuple(
        Declared(
            field.name,
            _plain(hints[field.name]),
            field.default,
            field.metadata.get(_KEY, Setting()),
        )
        for field in dataclasses.fields(kind)
        if field.compare and not dataclasses.is_dataclass(hints[field.name])
    )


def declared(kind: type) -> tuple[Declared, ...]:
    """The settings of a dataclass in order, those of its parts first."""
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    nested = [declared(hints[name]) for name in names if dataclasses.is_dataclass(hints[name])]
    return tuple(chain(*nested, own(kind)))


def written(owner: Any) -> dict[str, Any]:
    """The columns of an object's settings, those of its parts included."""
    values = {}
    for part in (*parts(owner), owner):
        for each in own(type(part)):
            if each.column is not None:
                values[each.column] = each.written(getattr(part, each.name))
    return values


def stated(owner: Any) -> dict[str, Any]:
    """The settings that an id states, by name; those of parts aside."""
    return {
        each.name: getattr(owner, each.name)
        for each in own(type(owner))
        if each.setting.in_every_id or getattr(owner, each.name) != each.default
    }


def labels(owner: Any, names_file: bool = False) -> list[str]:
    """What an object's settings, parts aside, add to names of files or of their folders."""
    found = [
        each.label(owner) for each in own(type(owner)) if each.setting.names_file == names_file
    ]
    return [label for label in found if label]


def only(owner: T, *training: Training) -> T:
    """The same object with the settings that this fitting depends on; the others as by default."""
    kept = {each.name for each in own(type(owner)) if each.setting.training in training}
    return type(owner)(**{name: getattr(owner, name) for name in kept})


def parts(owner: Any) -> list[Any]:
    """The fields of an object that are dataclasses of settings themselves."""
    values = (getattr(owner, field.name) for field in dataclasses.fields(owner))
    return [value for value in values if dataclasses.is_dataclass(value)]


def _plain(hint: Any) -> Any:
    """The type of a single value: without ``None``, and `str` for literals."""
    if get_origin(hint) in (Union, types.UnionType):
        kinds = {_plain(each) for each in get_args(hint)} - {type(None)}
        return kinds.pop() if len(kinds) == 1 else str
    return str if get_origin(hint) is Literal else hint
