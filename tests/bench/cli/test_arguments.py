"""Arguments that make no sense, and places that cannot be written, are one line and exit code 2."""

from __future__ import annotations

import io
import sys

import pytest

from bench.cli import main
from bench.flags.arguments import LAST_PORT
from framework.exposure import Ledger
from framework.exposure.ledger import Send

SHARD = ("shard", "--insecure", "--bind", "127.0.0.1:0")
TRAIN = ("train", "--data", "embedded")
ADAPT = ("adapt", "--data", "embedded")


def complaint(capsys, *arguments: str) -> str:
    """The one line that a command ends with."""
    assert main([*arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("pedbench: error: ")
    return lines[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--device", "tpu"),
        ("run", "--device", "cuda:99"),
        ("run", "--device", "meta"),
        ("run", "--device", ""),
        ("segment", "p.jpg", "--out", "m.png", "--device", "tpu"),
        ("run", "--workers", "0"),
        ("run", "--workers", "-2"),
        ("run", "--workers", "two"),
        ("run", "--limit", "0"),
        ("run", "--seeds", "-1"),
        ("run", "--deadline", "-1"),
        ("run", "--deadline", "nan"),
        ("profile", "--workers", "0"),
        (*SHARD, "--device", "tpu"),
        (*SHARD, "--device", "mps:1"),
        (*SHARD, "--metrics-port", "99999"),
        (*SHARD, "--metrics-port", "-1"),
        (*SHARD, "--metrics-host", "http://here"),
        (*SHARD, "--max-sessions", "0"),
        (*SHARD, "--max-windows", "-5"),
        (*SHARD, "--grace", "-1"),
        (*SHARD, "--grace", "inf"),
        (*TRAIN, "--steps", "-1"),
        (*TRAIN, "--batch", "0"),
        (*TRAIN, "--lr", "0"),
        (*TRAIN, "--lr", "inf"),
        (*TRAIN, "--seed", "-1"),
        (*TRAIN, "--size", "0"),
        (*TRAIN, "--rounds", "-1"),
        (*TRAIN, "--drop", "1.5"),
        (*TRAIN, "--device", "tpu"),
        (*ADAPT, "--steps", "0"),
        (*ADAPT, "--lr", "-1"),
        (*ADAPT, "--device", "tpu"),
        ("data", "--limit", "-1"),
        ("certs", "--out", "c", "--days", "99999999"),
        ("certs", "--out", "c", "--days", "0"),
        ("certs", "--out", "c", "--shards", "-1"),
        ("certs", "--out", "c", "--host", "bad host!"),
        ("certs", "--out", "c", "--host", "https://shard.example.org"),
        ("certs", "--out", "c", "--host", "shard:50051"),
        ("certs", "--out", "c", "--host", "999.1.1.1"),
        ("certs", "--out", "c", "--host", ""),
        ("exposure", "--ledger", "l.db", "--coalition", "-2"),
        ("exposure", "--ledger", "l.db", "--coalition", "0"),
    ],
)
def test_values_that_make_no_sense_are_refused(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    text = complaint(capsys, *arguments)
    assert arguments[-2] in text
    assert "give" in text
    assert not list(tmp_path.iterdir())


def test_unknown_arguments_are_one_line(capsys):
    assert "--worker-count" in complaint(capsys, "run", "--worker-count", "3")
    assert "choose from" in complaint(capsys, "rum")
    assert "COMMAND" in complaint(capsys)


@pytest.mark.parametrize("flag", ["--bind", "--metrics-port"])
def test_ports_of_several_servers_end_where_ports_end(capsys, flag):
    value = f"127.0.0.1:{LAST_PORT - 1}" if flag == "--bind" else str(LAST_PORT - 1)
    assert flag in complaint(capsys, "shard", "--insecure", flag, value, "--count", "3")


@pytest.mark.parametrize("name", ["10.0.0.7", "::1", "shard-a", "a.example.org", "localhost"])
def test_hosts_are_names_and_numbers(tmp_path, name):
    assert main(["certs", "--out", str(tmp_path / "c"), "--host", name]) == 0


def test_a_coalition_has_no_more_servers_than_have_seen_something(capsys, tmp_path):
    path = tmp_path / "l.db"
    ledger = Ledger(path)
    with ledger.transaction():
        ledger.open_scene("yard", (10, 20))
        ledger.enter(Send("s", "yard", 0, 0, server, 0, (0, 0, 4, 5)) for server in ("a", "b"))
    ledger.close()
    asked = ("exposure", "--ledger", str(path), "--coalition")
    assert "give 1 to 2" in complaint(capsys, *asked, "9")
    for size in ("1", "2"):
        assert main([*asked, size]) == 0
    capsys.readouterr()
    assert main(["exposure", "--ledger", str(path)]) == 0
    assert "servers add up to more" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--preset", "segmentation", "--limit", "1", "--out"),
        ("run", "--preset", "latency", "--out"),
        ("data", "--limit", "1", "--draw"),
        ("certs", "--out"),
    ],
)
@pytest.mark.parametrize("place", ["/proc/x", "file"])
def test_a_folder_that_cannot_be_made_is_named(capsys, tmp_path, arguments, place):
    (tmp_path / "file").write_text("in the way")
    folder = place if place.startswith("/") else str(tmp_path / "file" / "x")
    text = complaint(capsys, *arguments, folder)
    assert folder in text
    assert "give another" in text


@pytest.mark.slow
def test_a_terminal_without_the_characters_loses_nothing_else(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    assert main(["data", "--limit", "1"]) == 0
    assert main(["list", "plans"]) == 0
    sys.stdout.reconfigure(encoding="ascii")
    assert main(["data", "--limit", "1"]) == 0
    sys.stdout.flush()
    text = raw.getvalue().decode("latin-1")
    assert "interleaved" in text
    assert text.count("fingerprint") == 2
