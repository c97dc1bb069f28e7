"""Mutual TLS: both sides show a certificate of an authority that the other one trusts."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from framework.errors import PedbenchError, one_line
from framework.transport.grpc.client.address import Address

ANSWER_SECONDS = 2.0
REFUSED = "it refuses this edge's certificate ({}): give one that its --client-ca signed"


@dataclass(frozen=True)
class Tls:
    """Files in PEM: one's own certificate and key, and the authority of the other side.

    Attributes:
        cert, key: what this side shows.
        ca: whose certificates it accepts.
    """

    cert: str | Path
    key: str | Path
    ca: str | Path

    def check(self) -> Tls:
        """Look for what would otherwise fail as an unexplained handshake.

        Raises:
            PedbenchError: a file is missing or not PEM, the key belongs to another certificate, or
                the certificate is not valid today.
        """
        cert = _certificate(self.cert)
        _certificate(self.ca)
        try:
            key = load_pem_private_key(_read(self.key), None)
        except (ValueError, TypeError) as error:
            raise PedbenchError(f"{self.key} is not an unencrypted private key in PEM") from error
        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        if key.public_key().public_bytes(*form) != cert.public_key().public_bytes(*form):
            raise PedbenchError(f"{self.key} is not the key of {self.cert}: give the matching pair")
        now = datetime.now(timezone.utc)
        if not cert.not_valid_before_utc <= now <= cert.not_valid_after_utc:
            raise PedbenchError(
                f"{self.cert} is valid from {cert.not_valid_before_utc:%Y-%m-%d} to "
                f"{cert.not_valid_after_utc:%Y-%m-%d} only: make new ones with 'pedbench certs'"
            )
        return self

    def key_name(self) -> str:
        """This side's name in the other one's books: see the function `key_name`."""
        return key_name(_certificate(self.cert).public_bytes(Encoding.DER))

    def of_edge(self, server: bytes | None = None) -> grpc.ChannelCredentials:
        """Credentials of the calling side.

        Args:
            server: the one certificate to accept, DER; any that the authority signed without.
        """
        trusted = _read(self.ca) if server is None else ssl.DER_cert_to_PEM_cert(server).encode()
        return grpc.ssl_channel_credentials(trusted, _read(self.key), _read(self.cert))

    def of_server(self) -> grpc.ServerCredentials:
        """Credentials of the serving side, which turns callers without a certificate away."""
        pair = [(_read(self.key), _read(self.cert))]
        return grpc.ssl_server_credentials(pair, _read(self.ca), require_client_auth=True)


def key_name(certificate: bytes) -> str:
    """The name of who holds a certificate's key: that of a renewed certificate is the same.

    Args:
        certificate: DER.
    """
    key = x509.load_der_x509_certificate(certificate).public_key()
    form = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(form).hexdigest()[:32]}"


def server_certificate(
    address: Address, tls: Tls, proxy: Address | None = None, seconds: float = ANSWER_SECONDS
) -> bytes | None:
    """The certificate that a server shows, DER; ``None`` if no secure connection comes about.

    Raises:
        TimeoutError: nothing came for ``seconds``.
    """
    try:
        with _handshake(address, tls, proxy, seconds) as secure:
            return secure.getpeercert(binary_form=True)
    except TimeoutError:
        raise
    except (OSError, UnicodeError, http.client.HTTPException):
        return None


def handshake_error(address: Address, tls: Tls | None, proxy: Address | None = None) -> str:
    """Why no secure connection comes about; empty if one does, or nobody listens.

    gRPC reports every failed handshake as an unavailable server; this one tells which side refused
    what, so that a mistake in the set-up is not mistaken for a dead server.
    """
    try:
        with _handshake(address, tls, proxy, ANSWER_SECONDS) as secure:
            if tls is None:
                return "it asks for TLS: give --tls-cert, --tls-key and --tls-ca"
            return _first_words(secure)
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is refused ({error.verify_message}): {_remedy(error)}"
    except ssl.SSLEOFError:
        return ""
    except ssl.SSLError as error:
        return "" if tls is None else _alert(error)
    except (OSError, UnicodeError, http.client.HTTPException):
        return ""


@contextmanager
def _handshake(
    address: Address, tls: Tls | None, proxy: Address | None, seconds: float
) -> Iterator[ssl.SSLSocket]:
    """A TLS connection to a server; without ``tls`` to whatever answers."""
    context = ssl.create_default_context(cafile=None if tls is None else str(tls.ca))
    if tls is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_cert_chain(str(tls.cert), str(tls.key))
    context.set_alpn_protocols(["h2"])
    with _connected(address, proxy, seconds) as plain:
        plain.settimeout(seconds)
        with context.wrap_socket(plain, server_hostname=address.host) as secure:
            yield secure


def _connected(address: Address, proxy: Address | None, seconds: float) -> socket.socket:
    if proxy is None:
        return socket.create_connection((address.host, address.port), seconds)
    tunnel = http.client.HTTPConnection(proxy.host, proxy.port, timeout=seconds)
    tunnel.set_tunnel(address.host, address.port)
    tunnel.connect()
    return tunnel.sock


def _first_words(secure: ssl.SSLSocket) -> str:
    """Wait for the server to speak first, as it does in HTTP/2 to a client that it accepts.

    In TLS 1.3 it looks at the client's certificate only after the client took the handshake for
    done, and gRPC then hangs up, with an alert or without.
    """
    try:
        heard = secure.recv(1)
    except (TimeoutError, ssl.SSLWantReadError):
        return ""
    except ssl.SSLEOFError:
        heard = b""
    except ssl.SSLError as error:
        return _alert(error)
    except ConnectionError:
        heard = b""
    return "" if heard else REFUSED.format("it hangs up")


def _remedy(error: ssl.SSLCertVerificationError) -> str:
    if "expired" in error.verify_message or "not yet valid" in error.verify_message:
        return "give it a new one"
    if "mismatch" in error.verify_message or "match" in error.verify_message:
        return "use a name that its certificate bears"
    return "give --tls-ca the authority that signed it"


def _alert(error: ssl.SSLError) -> str:
    reason = (error.reason or one_line(error)).lower().replace("_", " ")
    if "wrong version" in reason or "record layer" in reason or "http request" in reason:
        return "it does not speak TLS: start it with --tls-cert, --tls-key and --client-ca"
    return REFUSED.format(reason)


def _certificate(path: str | Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError as error:
        raise PedbenchError(f"{path} is not a certificate in PEM") from error


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise PedbenchError(
            f"cannot read {path} ({error.strerror}): make one with 'pedbench certs --out DIR'"
        ) from error
