"""The secret key that makes a policy deal one photo alike for ever."""

from __future__ import annotations

import hmac
import logging
import os
import secrets
from functools import lru_cache
from pathlib import Path

from framework.errors import PedbenchError, one_line

log = logging.getLogger(__name__)

BYTES = 32
FEWEST = 16


def user_key() -> bytes:
    """The key of this user, kept in the data folder; one of this process if it cannot be kept.

    The folder is ``$XDG_DATA_HOME/pedbench``, by default ``~/.local/share/pedbench``.

    Raises:
        PedbenchError: the file is there and is no key.
    """
    return _key_in(os.environ.get("XDG_DATA_HOME", ""), os.environ.get("HOME", ""))


@lru_cache
def _key_in(data: str, home: str) -> bytes:
    try:
        folder = Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share"
        return make_key(folder / "pedbench" / "policy.key")
    except (OSError, RuntimeError) as error:
        log.warning(
            "warning: no key of policies can be kept (%s): in the next process the same photo goes "
            "to other servers; give --policy-key FILE, or set XDG_DATA_HOME to a folder that can "
            "be written",
            one_line(error),
        )
        return secrets.token_bytes(BYTES)


def read_key(path: str | Path) -> bytes:
    """The key in a file; made, for its owner's eyes alone, if it is not there.

    Raises:
        PedbenchError: the file cannot be read or written, or is no key.
    """
    try:
        return make_key(Path(path))
    except OSError as error:
        raise PedbenchError(
            f"policy key {path} cannot be used ({one_line(error)}): give a file that can be written"
        ) from error


def make_key(path: Path) -> bytes:
    """As `read_key`; raises OSError where the file cannot be read or written."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(BYTES))
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
    key = path.read_bytes()
    if len(key) < FEWEST:
        raise PedbenchError(
            f"policy key {path} has {len(key)} bytes: give one of at least {FEWEST}, or delete it "
            "for a new one (photos then go to other servers than before)"
        )
    return key


def seed_of(key: bytes, purpose: str) -> int:
    """A seed for one purpose: without the key, no other seed tells anything of it."""
    return int.from_bytes(hmac.digest(key, purpose.encode(), "sha256")[:8], "big")
