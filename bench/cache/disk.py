"""The cache on disk: what it holds, and how it is made smaller.

Downloads and trained defences are no part of it: no run can make them again by itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.cache.claims import SUFFIX

KINDS = {
    "store/blobs": "encodings, pictures and figures",
    "store/entries": "results",
    "attackers": "trained attackers",
    "onnx": "exported graphs",
    "shipped": "photos and weights from the drivers of other machines",
}
"""Folder in the cache → what lies there."""

Age = tuple[int, float]
"""Rank of its kind, and when a file was last used."""


@dataclass(frozen=True)
class Holding:
    """What one folder of the cache holds.

    Attributes:
        kind: a key of `KINDS`.
        files: how many.
        bytes: of all of them.
    """

    kind: str
    files: int
    bytes: int


def holdings(cache: Path) -> list[Holding]:
    """What each folder of a cache holds."""
    found = []
    for kind in KINDS:
        sizes = [size for _, size, _ in _files(cache, kind)]
        found.append(Holding(kind, len(sizes), sum(sizes)))
    return found


def trim(cache: Path, limit: int, room: float = 1.0) -> tuple[int, int]:
    """Delete the files of a cache that were not used for longest, where it is above ``limit``.

    Blobs go first, since they are large and soon made again.

    Args:
        limit: bytes.
        room: share of the limit that is left where files are deleted at all.

    Returns:
        The bytes that are left, and those that were freed.
    """
    files = sorted(file for kind in KINDS for file in _files(cache, kind))
    used, freed = sum(size for _, size, _ in files), 0
    for _, size, path in files if used > limit else ():
        if used - freed <= room * limit:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            freed += size
    return used - freed, freed


def touch(path: Path) -> None:
    """Mark a file as used."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _files(cache: Path, kind: str) -> Iterator[tuple[Age, int, Path]]:
    """The files of a kind with age and bytes; claims are none."""
    rank = 0 if kind == "store/blobs" else 1
    for path in (cache / kind).rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and path.suffix != SUFFIX:
                facts = path.stat()
                yield (rank, facts.st_mtime), facts.st_size, path
