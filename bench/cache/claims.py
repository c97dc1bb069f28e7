"""Claims on work that several processes, also of several machines, would otherwise do at once."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".lock"


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Wait until no other process holds the claim on ``path``, and hold it.

    The system frees the claim of a process that died. Where the folder cannot be written or its
    file system has no locks, there is nothing to share and nothing to wait for.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = held.enter_context(path.with_name(path.name + SUFFIX).open("ab"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
