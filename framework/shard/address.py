"""Where a server listens."""

from __future__ import annotations

from dataclasses import dataclass

from framework.errors import PedbenchError


@dataclass(frozen=True)
class Address:
    """A host's name or number, and a port from 0 to 65535."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``HOST:PORT``; an IPv6 number stands in brackets.

        Raises:
            PedbenchError: it is not of that form.
        """
        host, _, port = text.strip().rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        bracketed = bare != host
        number = int(port) if port.isascii() and port.isdigit() else -1
        if not bare or not 0 <= number <= 65535 or (":" in bare) != bracketed or "/" in bare:
            raise PedbenchError(f"'{text}' is not an address: give HOST:PORT, e.g. 127.0.0.1:50051")
        return cls(bare, number)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
