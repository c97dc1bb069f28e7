"""What a report's parts are made of, so that none is made again from the same records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.cache.fingerprints import code_of, content_digest, source_fingerprint, versions
from bench.report.base import FIGURES, TABLES
from bench.report.data import RunData

IMAGES = "images"


def kept(run: RunData, part: str, make: Callable[[], tuple[Any, bool]]) -> Any:
    """A part of a report, from the run's store if it was made of the same records before.

    Args:
        run: its records.
        part: its name.
        make: gives the part, of values that JSON has, and whether it would come out the same again.
    """
    if run.store is None:
        return make()[0]
    key = content_digest(part, _depends(run))
    entry = run.store.get(key)
    if entry is not None:
        return entry["part"]
    made, lasting = make()
    if lasting:
        run.store.put(key, {"part": made})
    return made


def _depends(run: RunData) -> str:
    """A hash over all that tables and page depend on; pictures count by place and size."""
    pictures = [
        (str(path.relative_to(run.folder)), path.stat().st_size)
        for path in sorted((run.folder / IMAGES).rglob("*"))
        if path.is_file()
    ]
    parts = code_of(TABLES, TABLES.names()), code_of(FIGURES, FIGURES.names())
    return content_digest(
        run.digest, pictures, source_fingerprint("bench.report"), *parts, versions()
    )
