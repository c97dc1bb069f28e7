"""Named parts: built-in ones found by folder, third-party ones by entry point."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

from framework.errors import FAULTS, PedbenchError, one_line, unknown_name
from framework.warn import warn_once_for_all

T = TypeVar("T")

PLAIN = {bool: "True or False", int: "a whole number", str: "a text"}
"""Types of class variables, in words."""


@dataclass(frozen=True)
class Origin:
    """The package that a part comes from, where that is not this project.

    Attributes:
        package: name of the distribution.
        version: its version.
    """

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package}@{self.version}"


class Registry(Generic[T]):
    """A kind of part, e.g. the attacks.

    A part of a base class that has a ``name`` gets the name it is registered under.

    Args:
        kind: what a part is called in messages, e.g. ``"attack"``.
        package: the package whose modules, in folders or not, register the built-in parts when
            imported.
        group: the entry-point group through which other distributions add theirs.
        base: the class that every part extends; anything is a part where it is not given.
        instances: whether parts are objects of ``base``, not classes that extend it.
        fault: why a part of the right class is none all the same; empty where it is one.
    """

    def __init__(
        self,
        kind: str,
        package: str,
        group: str,
        base: type | None = None,
        instances: bool = False,
        fault: Callable[[Any], str] = lambda part: "",
    ) -> None:
        self.kind = kind
        self.package = package
        self.group = group
        self.base = base
        self.instances = instances
        self.fault = fault
        self._parts: dict[str, T] = {}
        self._sources: dict[str, str] = {}
        self._origins: dict[str, Origin] = {}
        self._broken: dict[str, str] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that adds a part under ``name``.

        Raises:
            PedbenchError: another part has that name, and both are named; or the part is not what
                this registry holds.
        """
        source = f"module {sys._getframe(1).f_globals.get('__name__', '?')}"

        def add(part: T) -> T:
            self._add(name, part, source)
            return part

        return add

    def check(self, part: object) -> None:
        """Refuse what is no part of this kind.

        Raises:
            PedbenchError: says what it lacks.
        """
        fault = self._fault(part)
        if fault:
            label = (
                f"{part.__module__}.{part.__qualname__}" if isinstance(part, type) else repr(part)
            )
            raise PedbenchError(f"{label} is no {self.kind}: {fault}")

    def get(self, name: str) -> T:
        """The part called ``name``.

        Raises:
            PedbenchError: no part has that name, two packages claim it, or the installed one
                cannot be used.
        """
        self._discover()
        if name in self._parts:
            return self._parts[name]
        if name in self._broken:
            raise PedbenchError(self._broken[name])
        raise unknown_name(self.kind, name, self._parts)

    def items(self) -> list[tuple[str, T]]:
        """All parts with their names, sorted by name."""
        self._discover()
        return sorted(self._parts.items(), key=lambda item: item[0])

    def names(self) -> list[str]:
        """All names, sorted."""
        return [name for name, _ in self.items()]

    def origins(self) -> dict[str, Origin]:
        """Origins of the parts that other distributions added, by name, sorted by name."""
        self._discover()
        return dict(sorted(self._origins.items()))

    def problems(self) -> list[str]:
        """One line for each installed part that cannot be used, saying why and how to mend it."""
        self._discover()
        return list(self._broken.values())

    def _discover(self) -> None:
        if self._complete:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.walk_packages(package.__path__, f"{self.package}."):
            importlib.import_module(module.name)
        for point in sorted(set(entry_points(group=self.group)), key=_rank):
            self._install(point)
        self._complete = True

    def _install(self, point: EntryPoint) -> None:
        """Add another distribution's part; one that cannot be used is a warning until asked for.

        Its code may raise anything while it is imported, and may even try to exit.
        """
        source = f"package {point.dist.name}" if point.dist else "an unnamed package"
        if point.name in self._sources:
            self._refuse(
                point.name,
                f"two parts claim the {self.kind} name '{point.name}', "
                f"{self._sources[point.name]} and {source} ({point.value}): "
                "rename one of them, or uninstall its package",
            )
            if self._origins.pop(point.name, None):
                del self._parts[point.name]
            return
        told = f"the {self.kind} '{point.name}' of {source} ({point.value})"
        mend = "mend or uninstall the package"
        try:
            part: T = point.load()
        except FAULTS as error:
            reason = f"{type(error).__name__}: {one_line(error)}"
            self._refuse(point.name, f"{told} cannot be loaded ({reason}): {mend}")
            return
        try:
            self._add(point.name, part, f"{source} ({point.value})")
        except PedbenchError as error:
            self._refuse(point.name, f"{told} cannot be used ({error}): {mend}")
            return
        if point.dist:
            self._origins[point.name] = Origin(point.dist.name, point.dist.version)

    def _refuse(self, name: str, text: str) -> None:
        self._broken[name] = text
        warn_once_for_all(text)

    def _add(self, name: str, part: T, source: str) -> None:
        self.check(part)
        if self._parts.setdefault(name, part) is not part:
            raise PedbenchError(
                f"two parts claim the {self.kind} name '{name}', {self._sources[name]} and "
                f"{source}: rename one of them, or uninstall its package"
            )
        self._sources.setdefault(name, source)
        if isinstance(part, type) and hasattr(self.base, "name"):
            setattr(part, "name", name)  # noqa: B010

    def _fault(self, part: object) -> str:
        """Why ``part`` is none of this kind; empty where it is one."""
        if self.base is None:
            return ""
        if self.instances:
            kind = f"an object of {self.base.__module__}.{self.base.__qualname__}"
            return "" if isinstance(part, self.base) else f"it is not {kind}"
        if not (isinstance(part, type) and issubclass(part, self.base)):
            return f"it is not a subclass of {self.base.__module__}.{self.base.__qualname__}"
        lacks = sorted(getattr(part, "__abstractmethods__", ()))
        lacks += [name for name in _required(self.base) if not hasattr(part, name)]
        if lacks:
            return f"it lacks {', '.join(lacks)}"
        return _wrong_choice(part, self.base) or self.fault(part)


def _rank(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name if point.dist else "", point.name)


def _wrong_choice(part: type, base: type) -> str:
    """Which class variable has no value that ``base`` allows; empty for none."""
    for name, hint in get_type_hints(base).items():
        value = getattr(part, name, None)
        allowed = get_args(get_args(hint)[0]) if _is_choice(hint) else ()
        if allowed and value not in allowed:
            return f"its {name} is {value!r}: give one of {', '.join(allowed)}"
        kind = get_args(hint)[0] if get_origin(hint) is ClassVar else None
        if kind in PLAIN and not isinstance(value, kind):
            return f"its {name} is {value!r}: give {PLAIN[kind]}"
    return ""


def _is_choice(hint: object) -> bool:
    return get_origin(hint) is ClassVar and get_origin(get_args(hint)[0]) is Literal


@cache
def _required(base: type) -> list[str]:
    """Class variables that ``base`` declares without giving them a value."""
    hints = get_type_hints(base)
    return [n for n, hint in hints.items() if get_origin(hint) is ClassVar and not hasattr(base, n)]
