"""A small certificate authority, for trying mutual TLS out."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from framework.errors import PedbenchError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EDGE, SHARD = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
SECRET = ".key"
"""The suffix of files that only their owner may read."""


class Authority:
    """Signs certificates with a key that lives in memory only.

    Args:
        days: how long the authority and what it signs are valid from now.
    """

    def __init__(self, days: float = 365) -> None:
        self.days = days
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = _name("pedbench trial CA")
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.cert = (
            _builder(name, name, self.key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """The authority's certificate, by which others know what it signed."""
        return self.cert.public_bytes(Encoding.PEM)

    def issue(
        self,
        name: str,
        role: x509.ObjectIdentifier,
        hosts: Sequence[str] = (),
        days: float | None = None,
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """A certificate and its key.

        Args:
            name: of its holder; servers tell their clients apart by it.
            role: `EDGE` calls, `SHARD` serves; neither can stand in for the other.
            hosts: names and addresses for which it is valid.
            days: validity, if not the authority's own; negative ones have run out.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        cert = (
            _builder(_name(name), self.cert.subject, key.public_key(), days or self.days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([role]), critical=False)
            .add_extension(x509.SubjectAlternativeName(_hosts(hosts or [name])), critical=False)
            .add_extension(authority, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return cert, key


def write_certificates(
    folder: Path, hosts: Sequence[str] = (), shards: int = 0, days: float = 365
) -> list[Path]:
    """Write ``ca.crt``, ``edge.crt``, ``edge.key``, and such a pair for each server.

    A server's certificate is valid for its own host alone. Files are called ``shard`` for one host,
    ``shard-0``, ``shard-1``, … for several in their order, or for ``shards``. Without hosts, all
    servers are on this machine or called as their files are, and there is always a ``shard``.

    The authority's key is not written: nobody can sign more, and new files replace all of them.

    Args:
        folder: made if it is missing.
        hosts: where the servers are reached: one for each, or one for all.
        shards: how many servers; as many as hosts if 0.
        days: validity.

    Raises:
        PedbenchError: the folder holds such files, or cannot be written; there are neither as many
            hosts as servers nor one.
    """
    authority = Authority(days)
    files = {folder / "ca.crt": authority.pem} | pair(
        folder, "edge", *authority.issue("edge", EDGE)
    )
    for name, its_hosts in _servers(hosts, shards).items():
        files |= pair(folder, name, *authority.issue(name, SHARD, its_hosts))
    write_new(files)
    return list(files)


def write_new(files: Mapping[Path, bytes]) -> None:
    """Write all of ``files`` or none; keys are never readable to others than their owner.

    Raises:
        PedbenchError: one of them exists, or cannot be written.
    """
    for path in files:
        if path.exists():
            raise PedbenchError(f"{path} exists: give another --out, or delete it first")
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = 0o600 if path.suffix == SECRET else 0o644
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
    except OSError as error:
        for path in files:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        folder = next(iter(files)).parent
        raise PedbenchError(
            f"cannot write certificates to {folder} ({error.strerror}): give another --out"
        ) from error


def _servers(hosts: Sequence[str], shards: int) -> dict[str, list[str]]:
    """Name of each server → where it is reached."""
    if not hosts:
        names = ["shard", *(f"shard-{number}" for number in range(shards))]
        return {name: [name, *LOOPBACK] for name in names}
    count = shards or len(hosts)
    if len(hosts) not in (1, count):
        raise PedbenchError(
            f"{len(hosts)} hosts for {count} servers: give one --host for each of --shards, "
            "or one for all"
        )
    if count == 1 and not shards:
        return {"shard": [hosts[0]]}
    return {f"shard-{number}": [hosts[number % len(hosts)]] for number in range(count)}


def pair(
    folder: Path, name: str, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> dict[Path, bytes]:
    """``NAME.crt`` and ``NAME.key``, with what they hold."""
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        folder / f"{name}.crt": cert.public_bytes(Encoding.PEM),
        folder / f"{name}{SECRET}": secret,
    }


def _builder(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: float
) -> x509.CertificateBuilder:
    """Fields that all certificates have; negative ``days`` make one that has run out."""
    end = datetime.now(timezone.utc) + timedelta(days=days)
    start = min(end, datetime.now(timezone.utc)) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _hosts(hosts: Iterable[str]) -> list[x509.GeneralName]:
    """Addresses as addresses, anything else as a name."""
    found: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            try:
                found.append(x509.DNSName(host))
            except ValueError as error:
                raise PedbenchError(
                    f"'{host}' is neither a host name nor an address: give --host again"
                ) from error
    return found
