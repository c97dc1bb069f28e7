"""Named parts: built-in ones found by folder, third-party ones by entry point."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from framework.errors import PedbenchError, one_line, unknown_name

T = TypeVar("T")


class Registry(Generic[T]):
    """A kind of part, e.g. the attacks.

    Args:
        kind: what a part is called in messages, e.g. ``"attack"``.
        package: the package whose modules register the built-in parts when imported.
        group: the entry-point group through which other distributions add theirs.
    """

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind = kind
        self.package = package
        self.group = group
        self._parts: dict[str, T] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that adds a part under ``name``."""

        def add(part: T) -> T:
            if self._parts.setdefault(name, part) is not part:
                raise PedbenchError(
                    f"two parts claim the {self.kind} name '{name}': rename one of them"
                )
            return part

        return add

    def get(self, name: str) -> T:
        """The part called ``name``.

        Raises:
            PedbenchError: no part has that name.
        """
        self._discover()
        if name not in self._parts:
            raise unknown_name(self.kind, name, self._parts)
        return self._parts[name]

    def items(self) -> list[tuple[str, T]]:
        """All parts with their names, sorted by name."""
        self._discover()
        return sorted(self._parts.items(), key=lambda item: item[0])

    def names(self) -> list[str]:
        """All names, sorted."""
        return [name for name, _ in self.items()]

    def _discover(self) -> None:
        if self._complete:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
            importlib.import_module(module.name)
        for point in entry_points(group=self.group):
            self.register(point.name)(self._load(point))
        self._complete = True

    def _load(self, point: EntryPoint) -> T:
        try:
            part: T = point.load()
        except Exception as error:
            raise PedbenchError(
                f"the installed {self.kind} '{point.name}' ({point.value}) cannot be loaded "
                f"({one_line(error)}): mend or uninstall its package"
            ) from error
        return part
