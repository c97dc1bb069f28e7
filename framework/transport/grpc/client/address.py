"""Where a server listens, and where that is."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from dataclasses import dataclass

from framework.errors import PedbenchError


@dataclass(frozen=True)
class Address:
    """A host's name or number, in one spelling, and a port from 0 to 65535."""

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
        odd = not bare.isprintable() or any(character in bare for character in " /@")
        if not bare or odd or not 0 <= number <= 65535 or (":" in bare) != bracketed:
            raise PedbenchError(f"{text!r} is not an address: give HOST:PORT, e.g. 127.0.0.1:50051")
        return cls(_spelled(bare), number)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def places(self) -> frozenset[Address]:
        """All that the host's name stands for, as numbers; this machine is always 127.0.0.1.

        A name that cannot be resolved stands for itself.
        """
        return frozenset(Address(number, self.port) for number in self._numbers())

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return all(_is_loopback(number) for number in self._resolved())

    def _numbers(self) -> set[str]:
        return {"127.0.0.1" if _is_own(n) else n for n in self._resolved()}

    def _resolved(self) -> set[str]:
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return {self.host}
        return {_spelled(str(where[0])) for *_, where in found}


def _spelled(host: str) -> str:
    """Names in lower case without a last dot; numbers in their shortest form."""
    try:
        number = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.rstrip(".").lower()
    return str(getattr(number, "ipv4_mapped", None) or number)


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _is_own(host: str) -> bool:
    """Whether a number is this machine's: what is sent there comes from there. Nothing is sent."""
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    if number.is_loopback or number.is_unspecified:
        return True
    family = socket.AF_INET if number.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            return bool(probe.getsockname()[0] == host)
    except OSError:
        return False
