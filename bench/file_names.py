"""Names of files for names of photos."""

from __future__ import annotations

from hashlib import sha256

LONGEST = 100
"""Characters kept of a name; file systems take 255 bytes, and endings are added."""


def file_name(name: str) -> str:
    """A name for files. Different names give different ones.

    Letters, digits, ``-``, ``_`` and ``.`` of ASCII stay. A name that had others, or is long,
    or of dots alone, ends in a part of its SHA-256.
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    if kept == name and len(name) <= LONGEST and name.strip("."):
        return name
    return f"{kept[:LONGEST]}-{sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"
