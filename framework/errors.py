"""Errors that a user can mend."""

from __future__ import annotations

import difflib
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

LIBRARIES = frozenset({"site-packages", "dist-packages"})
"""Folders of installed packages."""


class PedbenchError(Exception):
    """Bad input, named in one line that also says how to mend it.

    The command line prints the message without a traceback and exits with 2.
    """


class SampleError(PedbenchError):
    """One photo, mask or annotation cannot be read; the others are not affected."""


FAULTS = (Exception, SystemExit)
"""What code of other packages may raise; one that calls ``sys.exit`` ends itself, not the run."""


def one_line(error: BaseException, limit: int = 120) -> str:
    """The first line of an exception's text, for use inside a message; its type if it has none.

    The text may come from a stranger: control and formatting characters become spaces, and what
    is longer than ``limit`` is cut.
    """
    lines = str(error)[: 16 * limit].strip().splitlines()
    return printable(lines[0])[:limit] if lines else type(error).__name__


def printable(text: str) -> str:
    """The text with a space for each character that is not shown as itself."""
    return "".join(c if c.isprintable() else " " for c in text)


def place_of(error: BaseException, *parts: object) -> str:
    """Where an exception arose, as " (FILE, line N)"; empty for `PedbenchError`.

    That is the last call inside the packages of ``parts``, else the last one outside installed
    libraries.

    Args:
        parts: classes or functions that were at work.
    """
    if isinstance(error, PedbenchError):
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    homes = [home for part in parts if (home := _home(part)) is not None]
    own = [frame for frame in frames if any(map(Path(frame.filename).is_relative_to, homes))]
    outside = [frame for frame in frames if not LIBRARIES & set(Path(frame.filename).parts)]
    last = next(reversed(own or outside or list(frames)), None)
    return "" if last is None else f" ({_short(last.filename)}, line {last.lineno})"


def place_of_code(function: object) -> str:
    """Where a function is defined, as " (FILE, line N)"; empty for what has no Python code."""
    code = getattr(function, "__code__", None)
    return "" if code is None else f" ({_short(code.co_filename)}, line {code.co_firstlineno})"


def _home(part: object) -> Path | None:
    """Folder of the package that ``part`` belongs to, or its file if it is a module alone."""
    package = sys.modules.get(getattr(part, "__module__", "").partition(".")[0])
    file = getattr(package, "__file__", None)
    if file is None:
        return None
    return Path(file).parent if Path(file).name == "__init__.py" else Path(file)


def _short(file: str) -> str:
    """A file's last two names, so that a record tells nothing of whose machine it was."""
    return "/".join(Path(file).parts[-2:])


def unknown_name(kind: str, name: str, known: Iterable[str]) -> PedbenchError:
    """The error for a name that is not registered, with the closest known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return PedbenchError(f"unknown {kind} '{name}': {hint}known are {', '.join(names)}")
