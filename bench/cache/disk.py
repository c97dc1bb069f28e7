"""The cache on disk: what it holds, and how it is made smaller.

Downloads are no part of it: weights are fetched from far away and cannot be computed again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.cache.claims import SUFFIX
from framework.files.cache import cache_dir

KINDS = {
    "store/blobs": "encodings, pictures and figures",
    "store/entries": "results",
    "attackers": "trained attackers",
    "shipped": "photos and weights from the drivers of other machines",
}
"""Folder in the cache → what lies there, in the order in which files are given up."""

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


def holdings() -> list[Holding]:
    """What each folder of the cache holds."""
    found = []
    for kind in KINDS:
        sizes = [size for _, size, _ in _files(kind)]
        found.append(Holding(kind, len(sizes), sum(sizes)))
    return found


def trim(limit: int) -> int:
    """Delete the files that were not used for longest until ``limit`` bytes are left; bytes freed.

    Blobs go first, since they are large and soon made again.
    """
    files = sorted(file for kind in KINDS for file in _files(kind))
    used = sum(size for _, size, _ in files)
    freed = 0
    for _, size, path in files:
        if used - freed <= limit:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            freed += size
    return freed


def _files(kind: str) -> Iterator[tuple[Age, int, Path]]:
    """The files of a kind with age and bytes; claims are none."""
    rank = 0 if kind == "store/blobs" else 1
    for path in (cache_dir() / kind).rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and path.suffix != SUFFIX:
                facts = path.stat()
                yield (rank, facts.st_mtime), facts.st_size, path
