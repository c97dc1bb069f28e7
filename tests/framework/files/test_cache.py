"""A cache that cannot be written costs time and one warning, never a result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cache.store import Store, open_store
from framework.files import cache
from framework.files.cache import VARIABLE, cache_dir, is_kept, keeping
from framework.files.writing import make_folder, write_file
from framework.warn import warn_once
from tests.framework.support import message_of, no_file_beyond


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """Forgets what was found of folders before and after."""
    monkeypatch.setenv(VARIABLE, "")
    for known in (cache._trouble, cache._stand_in, warn_once):
        known.cache_clear()
    yield
    for known in (cache._trouble, cache._stand_in, warn_once):
        known.cache_clear()


@pytest.fixture
def blocked(tmp_path, monkeypatch):
    """A cache under a file, where nobody can write, root included."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "cache"))


def warnings(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_cache_that_can_be_written_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "c"))
    assert cache_dir() == tmp_path / "c"
    assert is_kept()
    assert open_store() is not None
    assert warnings(capsys) == []


def test_another_folder_stands_in_for_one_that_cannot_be_written(blocked, capsys):
    folder = cache_dir()
    write_file(folder / "attackers" / "a", "state")
    assert cache_dir() == folder
    assert not is_kept()
    assert open_store() is None
    said = warnings(capsys)
    assert len(said) == 1
    assert "Not a directory" in said[0]
    assert VARIABLE in said[0]


def test_processes_started_later_use_the_same_stand_in(blocked, capsys):
    folder = cache_dir()
    assert os.environ[VARIABLE] == str(folder)
    cache._stand_in.cache_clear()
    assert cache_dir() == folder
    assert len(warnings(capsys)) == 1


def test_what_a_cache_holds_is_read_where_nothing_can_be_added(tmp_path):
    write_file(tmp_path / "c" / "weights.pth", "w")
    write_file(tmp_path / "c" / "attackers" / "a", "state")
    folder = cache._stand_in(tmp_path / "c", "read-only")
    assert (folder / "weights.pth").read_text() == "w"
    assert (folder / "attackers" / "a").read_text() == "state"
    write_file(folder / "attackers" / "b", "new")
    assert not (tmp_path / "c" / "attackers" / "b").exists()


def test_without_a_home_nothing_is_kept(monkeypatch, capsys):
    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert cache_dir().is_dir()
    assert not is_kept()
    assert ["no home folder" in line for line in warnings(capsys)] == [True]


def test_what_stands_in_is_gone_at_the_end(tmp_path):
    (tmp_path / "file").write_text("")
    code = "from framework.files.cache import cache_dir; print(cache_dir())"
    env = os.environ | {VARIABLE: str(tmp_path / "file" / "c")}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert len(found.stderr.splitlines()) == 1
    assert not Path(found.stdout.strip()).exists()


def test_a_full_cache_costs_one_warning(tmp_path, capsys):
    for _ in range(2):
        with no_file_beyond(1000), keeping():
            write_file(tmp_path / "attacker", bytes(2000))
    said = warnings(capsys)
    assert len(said) == 1
    assert "File too large" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_full_keeps_nothing_more_and_says_so_once(tmp_path, capsys):
    store = Store(tmp_path / "s", 10**6)
    store.put("aaaa", {"small": 1})
    for name in "bc":
        with no_file_beyond(1000):
            store.put(name * 4, {"large": "x" * 2000})
    assert store.get("aaaa") == {"small": 1}
    assert store.get("bbbb") is None
    assert len(warnings(capsys)) == 1


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = write_file(tmp_path / "f", "old")
    with no_file_beyond(1000):
        text = message_of(lambda: write_file(path, bytes(2000), "give another --out"))
    assert text == f"cannot write {path} (File too large): give another --out"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    assert "cannot write" in message_of(lambda: make_folder(path / "x"))
