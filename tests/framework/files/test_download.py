"""Downloads against a local server: resumption, wrong hashes, dead addresses."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from framework.errors import PedbenchError
from framework.files.cache import cache_dir
from framework.files.download import fetch, sha256_of

CONTENT = bytes(range(256)) * 512
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Files(BaseHTTPRequestHandler):
    """``/file`` honours ranges, ``/whole`` does not, ``/short`` breaks off; others are missing."""

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range"))  # type: ignore[attr-defined]
        if self.path not in ("/file", "/whole", "/short"):
            self.send_error(404)
            return
        start = self._start()
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = len(CONTENT) // 2 if self.path == "/short" and not start else len(CONTENT)
        self.wfile.write(CONTENT[start:end])

    def _start(self) -> int:
        asked = self.headers.get("Range")
        if asked is None or self.path == "/whole":
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as running:
        running.ranges = []  # type: ignore[attr-defined]
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_fetches_once(server, address, tmp_path):
    target = tmp_path / "new" / "file.bin"
    assert fetch(f"{address}/file", target, SHA256) == target
    assert target.read_bytes() == CONTENT
    fetch(f"{address}/file", target, SHA256)
    assert server.ranges == [None]
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


def test_a_file_with_another_hash_is_replaced(address, tmp_path):
    target = tmp_path / "file.bin"
    target.write_bytes(b"old")
    fetch(f"{address}/file", target, SHA256)
    assert sha256_of(target) == SHA256


def test_continues_a_partial_file(server, address, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    fetch(f"{address}/file", tmp_path / "file.bin", SHA256)
    assert server.ranges == ["bytes=1000-"]
    assert sha256_of(tmp_path / "file.bin") == SHA256


def test_starts_again_where_the_server_ignores_ranges(address, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    fetch(f"{address}/whole", tmp_path / "file.bin", SHA256)
    assert sha256_of(tmp_path / "file.bin") == SHA256


def test_a_complete_partial_file_needs_no_more_bytes(address, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    fetch(f"{address}/file", tmp_path / "file.bin", SHA256)
    assert sha256_of(tmp_path / "file.bin") == SHA256


def test_a_broken_connection_keeps_what_came(server, address, tmp_path):
    target = tmp_path / "file.bin"
    with pytest.raises(PedbenchError, match=r"broke off after 65536 of 131072 bytes.*run again"):
        fetch(f"{address}/short", target, SHA256)
    assert not target.exists()
    fetch(f"{address}/short", target, SHA256)
    assert server.ranges == [None, "bytes=65536-"]
    assert sha256_of(target) == SHA256


def test_a_wrong_hash_is_refused_and_discarded(address, tmp_path):
    target = tmp_path / "file.bin"
    with pytest.raises(PedbenchError, match=r"SHA-256 is .* expected 0000.*discarded"):
        fetch(f"{address}/file", target, "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_page_is_named(address, tmp_path):
    with pytest.raises(PedbenchError, match=r"cannot download http://.*/nothing \(Not Found\)"):
        fetch(f"{address}/nothing", tmp_path / "file.bin", SHA256)


def test_a_dead_address_is_named_in_one_line(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        with pytest.raises(PedbenchError, match="check the network") as caught:
            fetch(url, tmp_path / "file.bin", SHA256, timeout=2)
    assert url in str(caught.value)
    assert str(tmp_path / "file.bin") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cache_dir_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.setenv("PEDBENCH_CACHE", "")
    assert cache_dir() == Path.home() / ".cache" / "pedbench"
