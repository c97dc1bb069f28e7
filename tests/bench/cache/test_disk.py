"""The cache on disk can be looked at, trimmed and cleared."""

import os

import pytest

from bench.cli import main

FILES = {
    "store/blobs/aa/old": 3_000_000,
    "store/blobs/bb/new": 3_000_000,
    "store/entries/cc/result": 1_000_000,
    "attackers/ridge.safetensors": 2_000_000,
    "attackers/ridge.safetensors.lock": 0,
    "weights/vit_b.pth": 5_000_000,
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path))
    for age, (name, size) in enumerate(FILES.items()):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        os.utime(path, (age, age))
    return tmp_path


def left(cache):
    return {str(p.relative_to(cache)) for p in cache.rglob("*") if p.is_file()}


def test_info_counts_what_runs_keep_but_no_downloads(cache, capsys):
    assert main(["cache", "info"]) == 0
    said = capsys.readouterr().out
    assert "trained attackers" in said
    assert said.splitlines()[-1].split() == ["all", "4", "files", "9.0", "MB"]


def test_trim_gives_up_blobs_first_and_the_oldest_of_them(cache, capsys):
    assert main(["cache", "trim", "6MB"]) == 0
    assert left(cache) == set(FILES) - {"store/blobs/aa/old"}
    assert capsys.readouterr().out == "3.0 MB freed\n"


def test_clear_leaves_downloads_and_claims(cache):
    assert main(["cache", "clear"]) == 0
    assert left(cache) == {"weights/vit_b.pth", "attackers/ridge.safetensors.lock"}


def test_a_size_that_is_none_is_one_line(cache, capsys):
    assert main(["cache", "trim", "much"]) == 2
    assert "size 'much' is not understood" in capsys.readouterr().err
    assert left(cache) == set(FILES)
