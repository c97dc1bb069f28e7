"""Files fetched once: resumable, with a progress bar, checked by SHA-256."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from tqdm import tqdm

from framework.errors import PedbenchError
from framework.files.writing import make_folder, writing

CHUNK = 1 << 20
TIMEOUT_S = 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fetch(url: str, target: Path, sha256: str, timeout: float = TIMEOUT_S) -> Path:
    """Download ``url`` to ``target`` unless a file with that hash is there already.

    A partial file ``target.part`` is continued where it broke off.

    Args:
        sha256: the expected SHA-256 in hexadecimal.
        timeout: seconds to wait for the server before each piece.

    Raises:
        PedbenchError: the address cannot be reached, the download breaks off, the file's hash is
            not ``sha256``, or it cannot be written.
    """
    if target.exists() and sha256_of(target) == sha256:
        return target
    make_folder(target.parent)
    part = target.with_name(target.name + ".part")
    try:
        _continue_download(url, part, timeout)
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise PedbenchError(
            f"cannot download {url} ({reason}): check the network and run again to continue, "
            f"or put the file at {target}"
        ) from error
    found = sha256_of(part)
    if found != sha256:
        part.unlink()
        raise PedbenchError(
            f"{url}: SHA-256 is {found}, expected {sha256}; the download was discarded, run again"
        )
    part.replace(target)
    return target


def _continue_download(url: str, part: Path, timeout: float) -> None:
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and done:  # nothing is left to fetch
            return
        raise
    with response:
        resumed = response.status == 206
        length = response.headers.get("Content-Length")
        start = done if resumed else 0
        total = start + int(length) if length else None
        with writing(part):
            file = part.open("ab" if resumed else "wb")
        with (
            file,
            tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            while chunk := response.read(CHUNK):
                with writing(part):
                    file.write(chunk)
                    file.flush()
                bar.update(len(chunk))
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"broke off after {part.stat().st_size} of {total} bytes")
