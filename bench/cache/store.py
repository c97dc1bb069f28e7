"""What runs have computed before: files in the cache, kept below a size."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cache.disk import touch, trim
from framework.errors import PedbenchError
from framework.files.cache import cache_dir, is_kept
from framework.files.writing import reason
from framework.warn import warn_once

SIZE_VARIABLE = "PEDBENCH_STORE_SIZE"
DEFAULT_SIZE = "2GB"
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
RESCAN = 32
"""The folder is measured again after this fraction of the limit was written."""
ROOM = 0.9
"""Of the limit that is left after files were deleted."""
ENTRIES, BLOBS = "entries", "blobs"


@dataclass
class Store:
    """Entries, small and named by what they depend on, and blobs, named by their own content.

    Files appear whole or not at all and are checked whenever they are read, so any number of
    processes can share the folder; what is damaged counts as missing. Beyond the limit, which
    holds for all that the cache keeps, files go that were not used for longest, blobs first. Once
    the folder cannot be written, nothing more is kept, with one warning.

    Attributes:
        folder: where it lies, in the cache.
        limit: bytes that the cache may take, see `bench.cache.disk.KINDS`.
    """

    folder: Path
    limit: int
    _used: int | None = field(default=None, repr=False)
    _written: int = field(default=0, repr=False)

    def get(self, key: str) -> dict[str, Any] | None:
        """The entry ``key``; None if there is none."""
        data = self._read(ENTRIES, key)
        if data is None:
            return None
        digest, _, text = bytes(data).partition(b"\n")
        if digest.decode("ascii", "replace") != hashlib.sha256(text).hexdigest():
            self._discard(ENTRIES, key)
            return None
        content: dict[str, Any] = json.loads(text)
        return content

    def put(self, key: str, content: dict[str, Any]) -> None:
        """Write the entry ``key``, or replace it."""
        text = json.dumps(content, separators=(",", ":")).encode()
        self._write(ENTRIES, key, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)

    def blob(self, digest: str) -> memoryview | None:
        """A blob, mapped into memory and read-only; None if there is none."""
        data = self._read(BLOBS, digest)
        if data is not None and hashlib.sha256(data).hexdigest() != digest:
            self._discard(BLOBS, digest)
            return None
        return data

    def put_blob(self, data: bytes | bytearray | memoryview) -> str:
        """Write a blob unless it is there; its digest."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(BLOBS, digest)
        if path.exists():
            touch(path)
        else:
            self._write(BLOBS, digest, data)
        return digest

    def _path(self, kind: str, name: str) -> Path:
        return self.folder / kind / name[:2] / name

    def _discard(self, kind: str, name: str) -> None:
        with contextlib.suppress(OSError):
            self._path(kind, name).unlink()

    def _read(self, kind: str, name: str) -> memoryview | None:
        path = self._path(kind, name)
        try:
            with path.open("rb") as file:
                if not os.fstat(file.fileno()).st_size:
                    return memoryview(b"")
                data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError:
            return None
        touch(path)
        return data

    def _write(self, kind: str, name: str, data: bytes | bytearray | memoryview) -> None:
        if len(data) > self.limit:
            return
        path = self._path(kind, name)
        part = path.with_name(f".{name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            warn_once(
                f"the store {self.folder} cannot be written ({reason(error)}): nothing is kept"
            )
            self.limit = 0
            with contextlib.suppress(OSError):
                part.unlink()
            return
        self._grown(len(data))

    def _grown(self, size: int) -> None:
        """Count what was written, and delete the oldest files when that is too much."""
        self._written += size
        if self._used is not None:
            self._used += size
        if self._used is None or self._used > self.limit or self._written * RESCAN > self.limit:
            with contextlib.suppress(OSError):
                self._used, _ = trim(self.folder.parent, self.limit, ROOM)
            self._written = 0


def open_store(size: str | None = None) -> Store | None:
    """The store of the cache folder; None where its size is 0 or the cache is not kept.

    Args:
        size: its limit, e.g. ``500MB``; ``$PEDBENCH_STORE_SIZE`` or 2 GB when not given.

    Raises:
        PedbenchError: the size is not understood.
    """
    limit = parse_size(size or os.environ.get(SIZE_VARIABLE) or DEFAULT_SIZE)
    return Store(cache_dir() / "store", limit) if limit and is_kept() else None


def parse_size(text: str) -> int:
    """Bytes of ``2GB``, ``1.5 G``, ``300MB`` or ``0``.

    Raises:
        PedbenchError: it is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise PedbenchError(f"size '{text}' is not understood: give e.g. 500MB, 2GB or 0")
    return int(float(match[1]) * UNITS[match[2]])
