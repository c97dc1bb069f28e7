"""The folder of a run: one process at a time, and never discarded unless it is one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from framework.errors import PedbenchError
from framework.files.writing import writing
from framework.warn import warn

LOCK = "run.lock"
"""The file of this name tells which process a folder belongs to."""

ANOTHER_OUT = "give another --out, or free space there"

SETTINGS = "config.yaml"
RESULTS = ("journal.jsonl", "records.parquet", "latency.csv")
"""What a run leaves behind: one of them at least."""

OWN = (SETTINGS, *RESULTS, "environment.json", "attackers.json", "report.html")
OWN_FOLDERS = ("tables", "figures", "images")

WRITTEN = ({"preset", "groups", "save_images"}, {"preset", "model", "latency"})
"""Fields that `config.yaml` has if this program wrote it, of each kind of run."""


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


def discard(folder: Path) -> None:
    """Delete what a run left in ``folder``, and nothing else; nothing where there is nothing.

    Raises:
        PedbenchError: there is something, but it is not a run's.
    """
    if not folder.exists() or all(path.name == LOCK for path in folder.iterdir()):
        return
    if not _is_run(folder):
        raise PedbenchError(
            f"--fresh: {folder} is not a run folder (a {SETTINGS} of a run beside its records), "
            "so nothing was deleted: give another --out"
        )
    for path in folder.iterdir():
        if path.name in OWN or path.name.endswith(".part"):
            path.unlink()
        elif path.name in OWN_FOLDERS:
            path.unlink() if path.is_symlink() else shutil.rmtree(path)


def _is_run(folder: Path) -> bool:
    try:
        content = yaml.safe_load((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return False
    known = isinstance(content, dict) and any(fields <= set(content) for fields in WRITTEN)
    return known and any((folder / name).is_file() for name in RESULTS)


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
