"""Lines for whoever typed the command."""

from __future__ import annotations

import sys
from functools import lru_cache
from multiprocessing import parent_process


def warn(text: str) -> None:
    """Print one line on standard error."""
    print(f"pedbench: warning: {text}", file=sys.stderr, flush=True)


def tell(text: str) -> None:
    """Print one line that is no warning on standard error."""
    print(f"pedbench: {text}", file=sys.stderr, flush=True)


@lru_cache(None)
def warn_once(text: str) -> None:
    """`warn`, once in a process however often it is said."""
    warn(text)


def warn_once_for_all(text: str) -> None:
    """`warn_once` for what every worker process finds as well: only the first process says it."""
    if parent_process() is None:
        warn_once(text)
