"""Named parts: built-in ones found by folder, third-party ones by entry point."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from framework.errors import PedbenchError, one_line, unknown_name
from framework.warn import warn_once_for_all

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
        self._origins: dict[str, str] = {}
        self._broken: dict[str, str] = {}
        self._complete = False

    def register(self, name: str, origin: str | None = None) -> Callable[[T], T]:
        """Decorator that adds a part under ``name``.

        Args:
            origin: where it comes from, for messages; the calling module unless given.

        Raises:
            PedbenchError: another part has that name; both are named.
        """
        source = origin or f"module {sys._getframe(1).f_globals.get('__name__', '?')}"

        def add(part: T) -> T:
            if self._parts.setdefault(name, part) is not part:
                raise PedbenchError(
                    f"two parts claim the {self.kind} name '{name}', {self._origins[name]} and "
                    f"{source}: rename one of them, or uninstall its package"
                )
            self._origins.setdefault(name, source)
            return part

        return add

    def get(self, name: str) -> T:
        """The part called ``name``.

        Raises:
            PedbenchError: no part has that name, or the installed one cannot be loaded.
        """
        self._discover()
        if name in self._broken and name not in self._parts:
            raise PedbenchError(self._broken[name])
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
            self._install(point)
        self._complete = True

    def _install(self, point: EntryPoint) -> None:
        """Add another distribution's part; one that cannot be loaded is a warning until asked for.

        Its code may raise anything while it is imported, and may even try to exit.
        """
        package = f"package {point.dist.name}" if point.dist else "an unnamed package"
        try:
            part: T = point.load()
        except (Exception, SystemExit) as error:
            text = (
                f"the {self.kind} '{point.name}' of {package} ({point.value}) cannot be loaded "
                f"({type(error).__name__}: {one_line(error)}): mend or uninstall the package"
            )
            self._broken.setdefault(point.name, text)
            warn_once_for_all(text)
            return
        self.register(point.name, f"{package} ({point.value})")(part)
