"""`pedbench certs` makes files that work, and mistakes with them are told apart."""

from __future__ import annotations

import errno
import os
import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from bench.cli import main
from framework import Tls
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.security.certificates import EDGE, Authority, write_certificates
from framework.transport.grpc.security.tls import handshake_error, key_name, server_certificate
from tests.framework.servers import edge_tls, shard_tls
from tests.framework.support import message_of

FILES = ["ca.crt", "edge.crt", "edge.key", "shard.crt", "shard.key"]


def read(path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def valid_for(path) -> set[str]:
    names = read(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def test_the_files_and_what_they_are(tmp_path, capsys):
    folder = tmp_path / "certs"
    assert main(["certs", "--out", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert len(capsys.readouterr().out.splitlines()) == len(FILES)
    for key in ("edge.key", "shard.key"):
        assert stat.S_IMODE((folder / key).stat().st_mode) == 0o600
    assert valid_for(folder / "shard.crt") == {"shard", "localhost", "127.0.0.1", "::1"}
    shard, edge = read(folder / "shard.crt"), read(folder / "edge.crt")
    usage = edge.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    for cert in (shard, edge):
        cert.verify_directly_issued_by(read(folder / "ca.crt"))
    assert edge_tls(folder).check()
    assert shard_tls(folder).check()


def test_a_certificate_is_valid_for_its_own_host_alone(tmp_path):
    folder = tmp_path / "certs"
    hosts = ["shard-a.example", "10.0.0.7", "::1"]
    flags = [part for host in hosts for part in ("--host", host)]
    assert main(["certs", "--out", str(folder), *flags]) == 0
    found = [valid_for(folder / f"shard-{number}.crt") for number in range(3)]
    assert found == [{host} for host in hosts]
    assert len(list(folder.iterdir())) == 3 + 2 * 3
    ders = [read(folder / f"shard-{number}.crt").public_bytes(Encoding.DER) for number in range(3)]
    keys = set(map(key_name, ders))
    assert len(keys) == 3


def test_several_servers_on_one_host_have_a_key_each(tmp_path):
    write_certificates(tmp_path, ["a.example"], shards=2)
    names = ("shard-0.crt", "shard-1.crt")
    assert [valid_for(tmp_path / name) for name in names] == [{"a.example"}] * 2
    write_certificates(tmp_path / "one", ["a.example"])
    assert valid_for(tmp_path / "one" / "shard.crt") == {"a.example"}
    text = message_of(lambda: write_certificates(tmp_path / "no", ["a", "b"], shards=3))
    assert "2 hosts for 3 servers" in text


def test_openssl_takes_them(tmp_path):
    write_certificates(tmp_path)
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    context.load_cert_chain(str(tmp_path / "edge.crt"), str(tmp_path / "edge.key"))


def test_one_pair_for_each_server(tmp_path):
    write_certificates(tmp_path, shards=2)
    serials = {read(tmp_path / f"{name}.crt").serial_number for name in ("shard-0", "shard-1")}
    assert len(serials) == 2


def test_no_file_is_overwritten(tmp_path):
    write_certificates(tmp_path)
    before = (tmp_path / "edge.key").read_bytes()
    assert "exists" in message_of(lambda: write_certificates(tmp_path))
    assert (tmp_path / "edge.key").read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--days", "0"],
        ["--shards", "-1"],
        ["--host", "ä ö"],
        ["--host", "a", "--host", "b", "--shards", "3"],
    ],
)
def test_bad_flags(tmp_path, capsys, arguments):
    assert main(["certs", "--out", str(tmp_path / "c"), *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_mistakes_with_files_are_named(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    write_certificates(a)
    write_certificates(b)
    other_key = Tls(a / "edge.crt", b / "edge.key", a / "ca.crt")
    assert "not the key of" in message_of(other_key.check)
    missing = Tls(a / "edge.crt", a / "none.key", a / "ca.crt")
    assert "none.key" in message_of(missing.check)
    swapped = Tls(a / "edge.key", a / "edge.crt", a / "ca.crt")
    assert "not a certificate" in message_of(swapped.check)
    not_a_key = Tls(a / "edge.crt", a / "edge.crt", a / "ca.crt")
    assert "not an unencrypted private key" in message_of(not_a_key.check)


def test_an_expired_certificate_is_named(tmp_path):
    write_certificates(tmp_path)
    cert, _ = Authority().issue("edge", EDGE, days=-1)
    (tmp_path / "edge.crt").write_bytes(cert.public_bytes(Encoding.PEM))
    assert "not the key" in message_of(edge_tls(tmp_path).check)
    old = tmp_path / "old"
    write_certificates(old, days=-1)
    assert "is valid from" in message_of(edge_tls(old).check)


def test_a_host_that_no_name_can_be_does_not_answer(tmp_path):
    write_certificates(tmp_path, shards=1)
    address = Address.parse(f"a..{'b' * 70}:50051")
    assert handshake_error(address, None) == ""
    assert server_certificate(address, edge_tls(tmp_path)) is None


def test_all_certificates_are_written_or_none(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "shard.key").write_text("mine")
    assert main(["certs", "--out", str(folder)]) == 2
    assert "shard.key exists" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["shard.key"]

    def full(descriptor, mode):
        os.close(descriptor)
        raise OSError(errno.ENOSPC, "No space left on device")

    (folder / "shard.key").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", full)
        assert main(["certs", "--out", str(folder)]) == 2
    assert "No space left" in capsys.readouterr().err
    assert not list(folder.iterdir())
