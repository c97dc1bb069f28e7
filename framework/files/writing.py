"""Files written whole; one that cannot be written is named in one line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from framework.errors import PedbenchError

MEND = "free space there, or give another place"


@contextlib.contextmanager
def writing(path: Path | str, mend: str = MEND) -> Iterator[None]:
    """Around whatever writes ``path``.

    Args:
        path: the file or folder, as the message names it.
        mend: what the message says to do.

    Raises:
        PedbenchError: the system refused; nothing else is caught.
    """
    try:
        yield
    except OSError as error:
        raise PedbenchError(f"cannot write {path} ({reason(error)}): {mend}") from error


def make_folder(folder: Path, mend: str = MEND) -> Path:
    """``folder``, made with its parents where it is missing.

    Raises:
        PedbenchError: it cannot be made, or is a file.
    """
    with writing(folder, mend):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_file(path: Path, content: str | bytes, mend: str = MEND) -> Path:
    """Write ``path`` in one step, text as UTF-8: a reader finds the old file or the new one.

    Raises:
        PedbenchError: the folder or the file cannot be written; the old file stays.
    """
    data = content.encode() if isinstance(content, str) else content
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path, mend):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    return path


def reason(error: OSError) -> str:
    """What the system says, without path and number."""
    return error.strerror or str(error) or type(error).__name__
