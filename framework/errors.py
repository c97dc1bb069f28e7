"""Errors that a user can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PedbenchError(Exception):
    """Bad input, named in one line that also says how to mend it.

    The command line prints the message without a traceback and exits with 2.
    """


class SampleError(PedbenchError):
    """One photo, mask or annotation cannot be read; the others are not affected."""


def one_line(error: BaseException, limit: int = 120) -> str:
    """The first line of an exception's text, for use inside a message; its type if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0][:limit] if lines else type(error).__name__


def unknown_name(kind: str, name: str, known: Iterable[str]) -> PedbenchError:
    """The error for a name that is not registered, with the closest known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return PedbenchError(f"unknown {kind} '{name}': {hint}known are {', '.join(names)}")
