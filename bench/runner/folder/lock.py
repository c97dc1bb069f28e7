"""A run folder belongs to one process at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from bench.runner.folder.contents import ANOTHER_OUT, LOCK
from framework.errors import PedbenchError
from framework.files.writing import writing
from framework.warn import warn


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make ``folder`` if it is missing, and keep other processes out of it.

    The lock of a process of this host that has died is taken over with a warning.

    Raises:
        PedbenchError: another process has the folder, or one of another host may have it; it
            cannot be written.
    """
    with writing(folder, ANOTHER_OUT):
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        file = _acquire(folder)
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        file.close()
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def refuse_unwritable(folder: Path) -> None:
    """What `locked` would refuse of a place, found out without making anything.

    Raises:
        PedbenchError: a file is in the way, or the place cannot be written.
    """
    with writing(folder, ANOTHER_OUT):
        here = closest(folder)
        if not here.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(here, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def closest(folder: Path) -> Path:
    """The folder itself, or the closest one above it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _acquire(folder: Path) -> BinaryIO:
    """The lock's open file, with this process named in it."""
    path = folder / LOCK
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = os.path.samestat(os.fstat(file.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        held = False
    owner = _owner(file)
    host = socket.gethostname()
    if not held:
        file.close()
        raise PedbenchError(
            f"{folder} is in use by {_named(owner)}: wait until it has ended, or give another --out"
        )
    if owner and owner["host"] != host:
        file.close()
        raise PedbenchError(
            f"{folder} belongs to {_named(owner)}: if that no longer runs, delete {path}"
        )
    if owner:
        warn(f"{folder} was left by {_named(owner)}, which has ended: it goes on here")
    file.truncate(0)
    file.write(json.dumps({"process": os.getpid(), "host": host}).encode())
    file.flush()
    return file


def _owner(file: BinaryIO) -> dict[str, Any]:
    """The process named in a lock; empty if none is."""
    file.seek(0)
    try:
        owner = dict(json.load(file))
    except (ValueError, TypeError):
        return {}
    return owner if {"process", "host"} <= set(owner) else {}


def _named(owner: dict[str, Any]) -> str:
    if not owner:
        return "another process"
    return f"process {owner['process']} on host {owner['host']}"
