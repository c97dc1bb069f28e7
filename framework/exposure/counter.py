"""How many entries a ledger has, kept beside it: a ledger that was cut has fewer."""

from __future__ import annotations

import os
from pathlib import Path

from framework.errors import PedbenchError


class Counter:
    """A small file beside the ledger; read and written only while the ledger is locked.

    Args:
        ledger: path of the ledger; the counter's has ``-count`` after it.
    """

    def __init__(self, ledger: str) -> None:
        self.path = Path(f"{ledger}-count")

    def read(self) -> tuple[str, int] | None:
        """Identity and number of entries of the ledger; None where there is no counter.

        Raises:
            PedbenchError: the file is damaged.
        """
        try:
            identity, count = self.path.read_text(encoding="ascii").split()
            return identity, int(count)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise PedbenchError(
                f"{self.path} is damaged: restore it with its ledger, or delete it to go on with "
                "what the ledger holds"
            ) from error

    def write(self, identity: str, count: int) -> None:
        """Keep both on the disk."""
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(file, f"{identity} {count:020d}\n".encode("ascii"))
            os.fsync(file)
        finally:
            os.close(file)
