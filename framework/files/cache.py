"""The folder of what is kept from one command to the next."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from framework.errors import PedbenchError
from framework.files.writing import reason
from framework.warn import warn_once, warn_once_for_all

VARIABLE = "PEDBENCH_CACHE"
PROBE = 1 << 16
"""Bytes written to find out whether a folder can be written."""

_stand_ins: dict[Path, tempfile.TemporaryDirectory[str]] = {}


def cache_dir() -> Path:
    """``$PEDBENCH_CACHE`` or ``~/.cache/pedbench``: downloads, graphs, attackers, earlier results.

    Without a home, or where that folder cannot be written, a folder stands in that is deleted at
    the end of the command, with one warning. It shows what the other holds.

    Raises:
        PedbenchError: there is no place at all that can be written.
    """
    given = os.environ.get(VARIABLE)
    try:
        folder = Path(given).expanduser() if given else Path.home() / ".cache" / "pedbench"
    except RuntimeError:
        return _stand_in(None, "there is no home folder")
    trouble = _trouble(folder)
    return folder if trouble is None else _stand_in(folder, f"{folder}: {trouble}")


def is_kept() -> bool:
    """Whether the cache outlives this command."""
    return cache_dir() not in _stand_ins


@contextlib.contextmanager
def keeping() -> Iterator[None]:
    """Around a write to the cache whose failure costs time, not the result: it is one warning."""
    try:
        yield
    except (OSError, PedbenchError) as error:
        text = f"cannot write the cache ({reason(error)})" if isinstance(error, OSError) else error
        warn_once(f"{text}; what was computed is used, but not kept")


@lru_cache(None)
def _trouble(folder: Path) -> str | None:
    """Why a folder cannot be written; None where it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE))
    except OSError as error:
        return reason(error)
    return None


@lru_cache(None)
def _stand_in(folder: Path | None, why: str) -> Path:
    """A folder for this command and the processes it starts, with links to what ``folder`` has."""
    try:
        made = tempfile.TemporaryDirectory(prefix="pedbench-cache-")
    except OSError as error:
        raise PedbenchError(
            f"no folder can be written ({reason(error)}): set {VARIABLE} to one that can"
        ) from error
    place = Path(made.name)
    _stand_ins[place] = made
    if folder is not None:
        _link(folder, place)
    os.environ[VARIABLE] = str(place)
    os.environ.setdefault("MPLCONFIGDIR", str(place))
    warn_once_for_all(
        f"nothing is kept for the next command ({why}): set {VARIABLE} to a folder that can be "
        "written"
    )
    return place


def _link(folder: Path, place: Path) -> None:
    """Links to the files of ``folder`` and to what its folders hold."""
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if entry.is_dir():
                (place / entry.name).mkdir()
                for inner in entry.iterdir():
                    (place / entry.name / inner.name).symlink_to(inner.absolute())
            else:
                (place / entry.name).symlink_to(entry.absolute())
